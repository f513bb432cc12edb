"""The load test judges what it sees: on a server that can be made to answer as no server should."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgy_tf.errors import EdgyError
from edgy_tf.wire import StreamHeader, StreamWriter
from evaluation.bench_serve import main


class Answering(BaseHTTPRequestHandler):
    """Serves every second request and refuses the others, as it is told to."""

    protocol_version = "HTTP/1.1"
    count = 0
    refusal: tuple[int, dict[str, str]] = (503, {"Retry-After": "2"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Answering.count += 1
        status, headers = (200, {}) if self.count % 2 else self.refusal
        body = b'{"text": "hello"}'
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Answering.count = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    with (tmp_path / "out.edgy").open("wb") as file:
        writer = StreamWriter(file.write, StreamHeader("0123456789abcdef", 16, 16000, 320))
        writer.write([1] * 50)
        writer.close()
    return tmp_path / "out.edgy"


def test_served_and_refused_requests_are_counted(url: str, stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(stream), "--url", url, "--requests", "40", "--clients", "3", "--pid", str(os.getpid())])
    said = capsys.readouterr().out
    assert "40 requests of 1.0 s of speech by 3 clients" in said
    assert "200: 20" in said
    assert "503: 20" in said
    assert "refused: p50" in said
    assert len(said.splitlines()[-1].split(": ")[1].split()) == 10


@pytest.mark.parametrize("refusal", [(503, {}), (500, {"Retry-After": "2"})])
def test_what_no_server_should_answer_fails(
    refusal: tuple[int, dict[str, str]], url: str, stream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "refusal", refusal)
    with pytest.raises(EdgyError, match=rf"neither served nor refused as it should be: {{{refusal[0]}: 5}}"):
        main([str(stream), "--url", url, "--requests", "10"])


def test_memory_that_grows_fails(url: str, stream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter(range(100_000_000, 200_000_000, 1_000_000))
    monkeypatch.setattr("evaluation.bench_serve._memory", lambda pid: next(sizes))
    with pytest.raises(EdgyError, match=r"memory grew by 9\.0%"):
        main([str(stream), "--url", url, "--requests", "20", "--pid", "1"])
