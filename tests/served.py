"""``edgy serve`` as a process, for tests in which others come to it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path

from edgy_tf.recognisers import _INSTALLABLE, _missing
from edgy_tf.serve.auth import Client, TokenFile

ROOT = Path(__file__).parents[1]
READS_WORDS = not _missing(_INSTALLABLE["whisper-base"][0])
# Where Whisper is not installed, all but the words can be tested.
_WORDLESS = """
import sys
from edgy_tf import recognisers
from edgy_tf.cli.main import main
from tests.edgy_tf.serve.conftest import Reader
recognisers.open_recogniser = lambda name, release=None: Reader()
sys.exit(main(sys.argv[1:]))
"""


class ServerProcess:
    """The shipped release on a port of its own, which it keeps when it is started again, with one token."""

    def __init__(self, folder: Path) -> None:
        tokens = TokenFile(folder / "tokens.json")
        self.token = tokens.new(Client("kitchen"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.log = folder / "log"
        start = ["-m", "edgy_tf.cli.main"] if READS_WORDS else ["-c", _WORDLESS]
        options = ["--port", self.port, "--tokens", folder / "tokens.json", "--store", f"sqlite:///{folder / 'v.db'}"]
        self._command = [sys.executable, *start, "serve", *map(str, options)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return once it serves."""
        with self.log.open("ab") as log:
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        while True:
            assert self._process.poll() is None, self.log.read_text()
            with suppress(OSError):
                self._get("/healthz")
                return
            time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    @property
    def codes(self) -> int:
        """That it has received since it was started."""
        (found,) = re.findall(r"^edgy_codes_total (\S+)", self._get("/metrics"), re.MULTILINE)
        return int(float(found))

    @property
    def bytes(self) -> Counter[str]:
        """That it has received since it was started, by kind."""
        found = re.findall(r'^edgy_received_bytes_total\{kind="(.+)"\} (\S+)', self._get("/metrics"), re.MULTILINE)
        return Counter({kind: int(float(size)) for kind, size in found})

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            text: str = answer.read().decode()
            return text


class Tap:
    """A port that passes everything on to a server, and counts what is sent to it."""

    def __init__(self, target: int) -> None:
        self.sent = 0
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "Tap":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.sent += len(data) if counted else 0
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
