"""A server of the tiny release on a socket of this machine, and what a device would send it."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from edgy_tf.decode import Decoder
from edgy_tf.recognisers import Segment
from edgy_tf.releases import Release, find_release
from edgy_tf.serve.auth import Client, TokenFile
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.engine import Engine
from edgy_tf.serve.metrics import Metrics
from edgy_tf.serve.server import build_server
from edgy_tf.serve.settings import Settings
from edgy_tf.serve.show import PlayedDevice
from edgy_tf.serve.store import VoiceStore
from edgy_tf.wire import StreamHeader, StreamWriter


class Reader:
    """A recogniser that hears a phrase for every second of features; it can be held up to fill its queue."""

    name, reads, at_once = "reader", True, 1

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.busy = threading.Event()

    def transcribe(self, audio: np.ndarray) -> str:
        raise AssertionError("the server reads codes; it never hears sound")

    def read(self, features: np.ndarray) -> str:
        return " ".join(segment.text for segment in self.read_segments(features))

    def read_segments(self, features: np.ndarray) -> list[Segment]:
        self.busy.set()
        assert self.go.wait(30)
        seconds = -(-len(features) // 100)
        return [Segment(float(i), min(i + 1, len(features) / 100), f"zanzibar{i}") for i in range(seconds)]


@dataclass
class Serving:
    """A running server."""

    port: int
    cloud: Cloud
    reader: Reader
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/stream"

    def http(self, name: str | None = None) -> httpx.Client:
        """A client with the token of that name."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"} if name else {}
        # Nothing is encrypted here, and to read all certificates takes longer than an answer.
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=False)


@functools.lru_cache(maxsize=1)
def _decoder(release: Path) -> Decoder:
    """The decoder that all servers of the tests share."""
    return Decoder.from_release(release)


@contextmanager
def serving(
    release: Release, folder: Path, clients: tuple[Client, ...] = (), demo: bool = False, **limits: float
) -> Iterator[Serving]:
    """A server with tokens for ``clients``; without any it is open."""
    settings = Settings(**limits)  # type: ignore[arg-type]
    file = TokenFile(folder / "tokens.json")
    tokens = {client.name: file.new(client) for client in clients}
    reader = Reader()
    engine = Engine(release, _decoder(release.folder), reader, settings.queue, Metrics())
    store = VoiceStore(f"sqlite:///{folder / 'voices.db'}")
    device = PlayedDevice(release, settings.queue, engine) if demo else None
    cloud = Cloud(engine, store, file if clients else None, settings, device)
    server = build_server(cloud, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader.busy.clear()
        yield Serving(port, cloud, reader, tokens)
    finally:
        reader.go.set()
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def release(tiny_release: Path) -> Release:
    return find_release(str(tiny_release))


@pytest.fixture(scope="package")
def open_server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that lets in everyone."""
    with serving(release, tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="package")
def shared_server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    clients = (Client("kitchen"), Client("attic"))
    with serving(release, tmp_path_factory.mktemp("tokens"), clients, streams=8) as server:
        yield server


@pytest.fixture
def server(shared_server: Serving) -> Iterator[Serving]:
    """A server with two clients, who have enrolled no voices."""
    yield shared_server
    for name in shared_server.tokens:
        shared_server.cloud.store.delete_all(name)


Sent = Callable[..., list[bytes]]


@pytest.fixture(scope="session")
def header(release: Release) -> StreamHeader:
    return StreamHeader(release.codebook_id, 16, 16000, 320)


@pytest.fixture(scope="session")
def sent(header: StreamHeader) -> Sent:
    """Header and packets of so many codes, each a message."""

    def make(
        count: int, per_packet: int = 25, samples: int | None = None, voice: np.ndarray | None = None
    ) -> list[bytes]:
        messages: list[bytes] = []
        writer = StreamWriter(messages.append, header, per_packet)
        if voice is not None:
            writer.write_speaker(voice)
        writer.write(np.random.default_rng(count).integers(0, 16, count).astype(np.int32))
        writer.close(samples)
        return messages

    return make
