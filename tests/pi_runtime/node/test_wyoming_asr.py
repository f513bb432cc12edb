"""The real Wyoming client against a running service: describe, sound in, text out, over tcp, unix and stdio."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

from edgy_tf.wire import read_stream
from pi_runtime.node import wyoming_asr
from pi_runtime.node.service import run_wyoming
from pi_runtime.node.settings import Settings
from tests.pi_runtime.node.cloud import Cloud
from tests.pi_runtime.node.conftest import with_cloud

CHUNK = 1024
ROOT = Path(__file__).parents[3]


@contextlib.asynccontextmanager
async def served(settings: Settings, kind: str = "tcp") -> AsyncIterator[AsyncClient]:
    """A client of a service in this process; its server stops with the block."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"unix://{folder}/edgy.sock"
        if kind == "tcp":
            with socket.create_server(("127.0.0.1", 0)) as free:
                uri = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        service = asyncio.create_task(run_wyoming(settings, uri))
        try:
            while True:
                if service.done():
                    service.result()
                with contextlib.suppress(OSError):
                    async with AsyncClient.from_uri(uri) as client:
                        yield client
                    break
                await asyncio.sleep(0.02)
        finally:
            service.cancel()
            await asyncio.gather(service, return_exceptions=True)


def talk_to(meeting: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(meeting(), 40))


async def answer(client: AsyncClient) -> Event:
    event = await client.read_event()
    assert event is not None
    return event


async def ask(client: AsyncClient, pcm: np.ndarray, rate: int = 16000, channels: int = 1) -> Event:
    """What the service answers to a request."""
    await client.write_event(Transcribe(language="en").event())
    await client.write_event(AudioStart(rate, 2, channels).event())
    for start in range(0, len(pcm), CHUNK):
        await client.write_event(AudioChunk(rate, 2, channels, pcm[start : start + CHUNK].tobytes()).event())
    await client.write_event(AudioStop().event())
    return await answer(client)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_sound_in_text_out(
    settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray, kind: str
) -> None:
    async def meeting() -> None:
        async with served(with_cloud(settings, cloud, "pseudonym:hall"), kind) as client:
            await client.write_event(Describe().event())
            (program,) = Info.from_event(await answer(client)).asr
            assert program.models[0].name == "pi"
            assert program.models[0].languages == ["en"]
            for number in (1, 2):
                event = await ask(client, np.concatenate([silence, phrase, silence]))
                stream = read_stream(cloud.streams[cloud.finished[-1]].data)
                assert Transcript.from_event(event).text == f"{len(stream.codes)} codes"
                assert len(cloud.finished) == number
                # Silence before and after was not encoded.
                assert len(stream.codes) / 50 < 3.5

    talk_to(meeting)
    assert {stream.opening["voice"] for stream in cloud.streams.values()} == {"hall"}


def test_pauses_are_left_out_of_one_stream(settings: Settings, cloud: Cloud, talk: np.ndarray) -> None:
    async def meeting() -> None:
        async with served(with_cloud(settings, cloud)) as client:
            assert Transcript.is_type((await ask(client, talk)).type)

    talk_to(meeting)
    (name,) = cloud.finished
    assert len(read_stream(cloud.streams[name].data).codes) / 50 < len(talk) / 16000 - 1


def test_silence_is_answered_without_the_cloud(settings: Settings, cloud: Cloud, silence: np.ndarray) -> None:
    async def meeting() -> None:
        async with served(with_cloud(settings, cloud)) as client:
            assert Transcript.from_event(await ask(client, silence)).text == ""

    talk_to(meeting)
    assert cloud.connections == 0


def test_stereo_at_another_rate(settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray) -> None:
    async def meeting() -> None:
        stereo = np.repeat(np.concatenate([silence, phrase, silence]), 2 * 3)  # 48 kHz, both sides alike
        async with served(with_cloud(settings, cloud)) as client:
            assert Transcript.from_event(await ask(client, stereo, 48000, 2)).text.endswith(" codes")

    talk_to(meeting)
    (name,) = cloud.finished
    assert 2 < len(read_stream(cloud.streams[name].data).codes) / 50 < 3.5


def test_a_cloud_that_is_away_or_refuses_is_an_error_and_the_next_request_goes_on(
    settings: Settings, phrase: np.ndarray, silence: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_asr, "PATIENCE_S", 0.5)
    cloud, pcm = Cloud(), np.concatenate([silence, phrase, silence])
    with cloud.running():
        pass

    async def meeting() -> None:
        async with served(with_cloud(settings, cloud)) as client:
            assert "no connection" in Error.from_event(await ask(client, pcm)).text
            with cloud.running():
                cloud.refusal = (1008, "unknown codebook")
                assert Error.from_event(await ask(client, pcm)).text == "unknown codebook"
                cloud.refusal = None
                monkeypatch.setattr(wyoming_asr, "PATIENCE_S", 20)
                cloud.hang_up_after = [1]
                assert Transcript.is_type((await ask(client, pcm)).type)

    talk_to(meeting)
    assert len(cloud.finished) == 1


def test_more_requests_than_sessions_are_refused_and_those_that_leave_make_room(
    settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wyoming_asr, "SESSIONS", 1)

    async def meeting() -> None:
        with tempfile.TemporaryDirectory() as folder:
            uri = f"unix://{folder}/edgy.sock"
            service = asyncio.create_task(run_wyoming(with_cloud(settings, cloud), uri))
            while not Path(f"{folder}/edgy.sock").exists():
                await asyncio.sleep(0.02)
            async with AsyncClient.from_uri(uri) as first:
                await first.write_event(AudioStart(16000, 2, 1).event())
                await first.write_event(Ping("there?").event())
                assert Pong.from_event(await answer(first)).text == "there?"
                async with AsyncClient.from_uri(uri) as second:
                    assert "try again later" in Error.from_event(await ask(second, phrase[:CHUNK])).text
            async with AsyncClient.from_uri(uri) as third:
                event = await ask(third, np.concatenate([silence, phrase, silence]))
                while Error.is_type(event.type):  # the service may not know yet that the first one has left
                    event = await ask(third, np.concatenate([silence, phrase, silence]))
                assert Transcript.is_type(event.type)
            service.cancel()
            await asyncio.gather(service, return_exceptions=True)

    talk_to(meeting)


@pytest.mark.parametrize(
    "hostile",
    [
        b"[]\n",
        b"{}\n",
        b"not json\n",
        b'{"type": "audio-chunk"}\n',
        b'{"type": "audio-start"}\n',
        b'{"type": "audio-start", "data": {"rate": 16000, "width": 2, "channels": 1}}\n{"type": "audio-chunk"}\n',
        b'{"type": "audio-start", "data": {"rate": 16000, "width": 2, "channels": 1}}\n'
        b'{"type": "audio-chunk", "data": {"rate": 1, "width": 99, "channels": "x"}, "payload_length": 3}\nabc',
        b'{"type": "audio-chunk", "payload_length": 100}\nshort',
        b"x" * 100_000,
    ],
)
def test_hostile_clients_are_dropped_and_others_served(settings: Settings, cloud: Cloud, hostile: bytes) -> None:
    async def meeting() -> None:
        async with served(with_cloud(settings, cloud)) as client:
            reader, writer = await asyncio.open_connection(client.host, client.port)  # type: ignore[attr-defined]
            writer.write(hostile)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            await client.write_event(Describe().event())
            assert Info.is_type((await answer(client)).type)

    talk_to(meeting)


def test_stdio(settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray) -> None:
    arguments = ["-m", "pi_runtime.cli.main", "wyoming", "--uri", "stdio://"]

    async def meeting() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *[*arguments, "--sink", cloud.url, "--state", settings.state],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        pcm = np.concatenate([silence, phrase, silence])
        for event in (AudioStart(16000, 2, 1), AudioChunk(16000, 2, 1, pcm.tobytes()), AudioStop()):
            await async_write_event(event.event(), process.stdin)
        answer = await async_read_event(process.stdout)
        assert answer is not None
        assert Transcript.from_event(answer).text.endswith(" codes")
        process.stdin.close()
        assert await process.wait() == 0

    talk_to(meeting)
