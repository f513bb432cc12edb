"""The command itself, in a process of its own: the shipped release, TLS, a token, a recording that ships."""

import asyncio
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect

from edgy_tf.cli.main import main
from edgy_tf.demo import SHIPPED
from edgy_tf.wire import StreamWriter, read_stream
from tests.served import READS_WORDS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_shipped_release_is_served_over_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which("openssl") or not READS_WORDS:
        pytest.skip("NOT TESTED: a served release needs openssl and the extra asr-offline")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made, *names], check=True, capture_output=True)
    tokens = tmp_path / "tokens.json"
    assert main(["token", "new", "kitchen", "--tokens", str(tokens)]) == 0
    token = {"Authorization": "Bearer " + capsys.readouterr().out.strip()}
    assert main(["encode", str(SHIPPED.audio), str(tmp_path / "x.edgy")]) == 0
    stream = read_stream(tmp_path / "x.edgy")
    messages: list[bytes] = []
    writer = StreamWriter(messages.append, stream.header, 25)
    writer.write(stream.codes)
    writer.close(stream.samples)

    port, log = free_port(), tmp_path / "log"
    options = ["--port", port, "--tokens", tokens, "--store", f"sqlite:///{tmp_path / 'v.db'}"]
    options += ["--tls-cert", cert, "--tls-key", key]
    command = [sys.executable, "-m", "edgy_tf.cli.main", "serve", *map(str, options)]
    trust = ssl.create_default_context(cafile=str(cert))

    async def talk() -> tuple[dict[str, object], bytes]:
        async with connect(
            f"wss://localhost:{port}/v1/stream", ssl=trust, additional_headers=token, ping_interval=None
        ) as socket:
            opening = {"type": "open", "stream": uuid.uuid4().hex, "level": "anonymous", "speech": True}
            await socket.send(json.dumps(opening))
            for packet in messages:
                await socket.send(packet)
            audio = b""
            async for message in socket:
                if isinstance(message, bytes):
                    audio += message
                else:
                    last = json.loads(message)
            return last, audio

    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as server:
        try:
            with httpx.Client(base_url=f"https://localhost:{port}", verify=trust, timeout=300, headers=token) as http:
                while True:
                    assert server.poll() is None, log.read_text()
                    try:
                        assert http.get("/healthz").json()["release"] == "pi"
                        break
                    except httpx.TransportError:
                        time.sleep(0.2)
                answer = http.post("/v1/transcript", content=(tmp_path / "x.edgy").read_bytes()).json()
            done, audio = asyncio.run(talk())
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(120) in (0, -signal.SIGTERM)
    assert "tried it" in answer["text"]
    assert 5 < answer["segments"][-1]["end"] <= 6.3
    assert done == {"type": "done", "codes": 312, "samples": 99680, "text": answer["text"]}
    pcm = np.frombuffer(audio, "<i2")
    assert len(pcm) == 99680
    assert pcm.std() > 300
    assert "tried" not in log.read_text()
    assert token["Authorization"][7:] not in log.read_text()
