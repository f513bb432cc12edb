"""Two replicas on a Ray cluster of this machine, one of which dies under load."""

import asyncio
import functools
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from edgy_tf.recognisers import Segment
from edgy_tf.releases import Release, find_release
from edgy_tf.serve.app import build_app
from edgy_tf.serve.auth import Client, TokenFile
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.engine import Engine
from edgy_tf.serve.metrics import Metrics
from edgy_tf.serve.settings import Settings
from edgy_tf.serve.store import VoiceStore
from tests.edgy_tf.serve.conftest import Reader, Sent

pytest.importorskip("ray.serve", reason="NOT TESTED on a cluster: Ray Serve is not installed", exc_type=ImportError)


class HeldReader(Reader):
    """One that says which process it is in, and waits for a file that lets it go on."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def read_segments(self, features: np.ndarray) -> list[Segment]:
        (self._folder / f"busy-{os.getpid()}").touch()
        while not (self._folder / "go").exists():
            time.sleep(0.01)
        return super().read_segments(features)


def replica(release: Path, folder: Path) -> FastAPI:
    from edgy_tf.decode import Decoder

    found = find_release(str(release))
    engine = Engine(found, Decoder.from_release(release), HeldReader(folder), 16, Metrics())
    store = VoiceStore(f"sqlite:///{folder / 'voices.db'}")
    return build_app(Cloud(engine, store, TokenFile(folder / "tokens.json"), Settings()))


@pytest.mark.usefixtures("ray_cluster")
def test_no_request_is_lost_in_silence_when_a_replica_dies(release: Release, tmp_path: Path, sent: Sent) -> None:
    from edgy_tf.serve.replicas import replicas

    token = TokenFile(tmp_path / "tokens.json").new(Client("kitchen"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    body = b"".join(sent(75))

    async def ask(http: httpx.AsyncClient) -> httpx.Response | httpx.TransportError:
        try:
            return await http.post("/v1/transcript", content=body, headers=headers)
        except httpx.TransportError as error:
            return error

    async def storm() -> list[httpx.Response | httpx.TransportError]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
            asks = [asyncio.create_task(ask(http)) for _ in range(12)]
            while len(busy := list(tmp_path.glob("busy-*"))) < 2:
                assert not any(a.done() for a in asks), "a request was answered before it was read"
                await asyncio.sleep(0.05)
            os.kill(int(busy[0].name.removeprefix("busy-")), signal.SIGKILL)
            (tmp_path / "go").touch()
            first = await asyncio.gather(*asks)
            # Whoever comes again is served, by the one that is left or by the one that takes the place.
            for _ in range(600):
                again = await asyncio.gather(*(ask(http) for _ in range(4)))
                if all(isinstance(a, httpx.Response) and a.status_code == 200 for a in again):
                    return first
            raise AssertionError("the other replica does not serve")

    (tmp_path / "go").touch()  # Until they have warmed up.
    with replicas(functools.partial(replica, release.folder, tmp_path), "auto", "127.0.0.1", port, 2, 64):
        (tmp_path / "go").unlink()
        for old in tmp_path.glob("busy-*"):
            old.unlink()
        answers = asyncio.run(storm())
    served = [a for a in answers if isinstance(a, httpx.Response) and a.status_code == 200]
    told = [a for a in answers if a not in served]
    assert served
    assert all(a.json()["text"] == "zanzibar0 zanzibar1" for a in served)
    assert told, "the replica that died had requests"
    assert all(isinstance(a, httpx.TransportError) or a.status_code in (500, 502, 503) for a in told)
