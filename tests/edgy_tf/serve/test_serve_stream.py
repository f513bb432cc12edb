"""The WebSocket protocol, by a real client: packets count once, whatever happens to the connection."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edgy_tf.releases import Release
from edgy_tf.serve.auth import Client
from edgy_tf.wire import StreamHeader, StreamWriter
from tests.edgy_tf.serve.conftest import Sent, Serving, serving


def opening(**fields: Any) -> str:
    return json.dumps({"type": "open", "stream": uuid.uuid4().hex, "level": "text"} | fields)


class Heard:
    """What a server says until it closes."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.audio = b""
        self.code = 0

    async def all_of(self, socket: ClientConnection) -> "Heard":
        try:
            async with asyncio.timeout(30):
                while True:
                    message = await socket.recv()
                    if isinstance(message, bytes):
                        self.audio += message
                    else:
                        self.messages.append(json.loads(message))
        except ConnectionClosed:
            self.code = socket.close_code or 0
        return self

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["type"] == kind]


async def talk(server: Serving, first: str, messages: Sequence[bytes | str], name: str | None = None) -> Heard:
    """Open a stream, send everything, and hear the server out."""
    headers = {"Authorization": f"Bearer {server.tokens[name]}"} if name else {}
    async with connect(server.stream_url, additional_headers=headers) as socket:
        await socket.send(first)
        heard = Heard()

        async def send() -> None:
            for message in messages:
                await socket.send(message)

        sending = asyncio.create_task(send())
        await heard.all_of(socket)
        await asyncio.gather(sending, return_exceptions=True)
        return heard


def test_packets_become_text(open_server: Serving, sent: Sent) -> None:
    heard = asyncio.run(talk(open_server, opening(), sent(60, samples=19000)))
    assert heard.code == 1000
    assert heard.messages[0] == {"type": "ready", "next": 0}
    assert [m["next"] for m in heard.of("ack")] == [1, 2, 3, 4]
    assert heard.of("transcript")[-1] == {"type": "transcript", "text": "zanzibar0 zanzibar1", "final": True}
    assert heard.messages[-1] == {"type": "done", "codes": 60, "samples": 19000, "text": "zanzibar0 zanzibar1"}
    assert heard.audio == b""


def test_text_comes_while_the_person_still_speaks(open_server: Serving, sent: Sent) -> None:
    async def speak() -> None:
        async with connect(open_server.stream_url) as socket:
            await socket.send(opening())
            for message in sent(150)[:-1]:
                await socket.send(message)
            async with asyncio.timeout(30):
                while True:
                    message = json.loads(await socket.recv())
                    if message["type"] == "transcript":
                        assert message["final"] is False
                        assert message["text"].startswith("zanzibar0 zanzibar1")
                        return

    asyncio.run(speak())


@pytest.mark.parametrize("count", [1, 49, 60, 61, 200, 333])
def test_speech_comes_in_segments_of_the_right_length(count: int, open_server: Serving, sent: Sent) -> None:
    samples = count * 320 - 100
    heard = asyncio.run(
        talk(open_server, opening(level="pseudonym", voice="kitchen", speech=True), sent(count, samples=samples))
    )
    assert heard.code == 1000
    pcm = np.frombuffer(heard.audio, "<i2")
    assert len(pcm) == samples == heard.of("done")[0]["samples"]
    assert np.abs(pcm).max() > 0


@pytest.mark.parametrize("lost_after", [0, 1, 3, 4])
def test_a_lost_connection_costs_no_packet_and_counts_none_twice(
    lost_after: int, open_server: Serving, sent: Sent
) -> None:
    stream, messages = uuid.uuid4().hex, sent(60)

    async def twice() -> tuple[Heard, Heard]:
        async with connect(open_server.stream_url) as socket:
            await socket.send(opening(stream=stream))
            await socket.recv()
            for message in messages[: 1 + lost_after]:
                await socket.send(message)
            for _ in range(lost_after):
                await socket.recv()
            if lost_after:
                socket.transport.abort()
        # The device does not know what has come, so it begins with the header and sends everything again.
        again = await talk(open_server, opening(stream=stream), messages)
        return again, await talk(open_server, opening(stream=stream), [])

    again, later = asyncio.run(twice())
    done = {"type": "done", "codes": 60, "samples": 60 * 320, "text": "zanzibar0 zanzibar1"}
    assert again.messages[-1] == done
    assert again.code == later.code == 1000
    assert later.messages == [done]
    if lost_after in (1, 3):
        assert again.messages[0] == {"type": "ready", "next": lost_after}


def test_a_newer_connection_takes_the_stream_over(open_server: Serving, sent: Sent) -> None:
    stream, messages = uuid.uuid4().hex, sent(60)

    async def both() -> tuple[Heard, Heard]:
        async with connect(open_server.stream_url) as stale:
            await stale.send(opening(stream=stream))
            await stale.recv()
            for message in messages[:2]:
                await stale.send(message)
            await stale.recv()
            new = await talk(open_server, opening(stream=stream), messages[2:])
            return await Heard().all_of(stale), new

    stale, new = asyncio.run(both())
    assert stale.code == 1008
    assert "newer connection" in stale.of("error")[0]["message"]
    assert new.messages[0] == {"type": "ready", "next": 1}
    assert new.of("done")[0]["codes"] == 60


def test_a_stream_is_its_owners_alone(server: Serving, sent: Sent) -> None:
    stream, messages = uuid.uuid4().hex, sent(60)

    async def both() -> tuple[Heard, Heard]:
        mine = await talk(server, opening(stream=stream), messages, "kitchen")
        return mine, await talk(server, opening(stream=stream), sent(5), "attic")

    mine, theirs = asyncio.run(both())
    assert mine.of("done")[0]["codes"] == 60
    assert theirs.messages[0] == {"type": "ready", "next": 0}
    assert theirs.of("done")[0]["codes"] == 5


def test_ones_own_voice_and_no_other(server: Serving, sent: Sent) -> None:
    engine = server.cloud.engine
    mine = engine.decoder.voice("M1").embedding
    with server.http("kitchen") as http:
        body = {"name": "me", "codebook_id": engine.header.codebook_id, "embedding": mine.tolist(), "consent": True}
        voice = http.post("/v1/voices", json=body).json()["id"]

    def spoken(name: str, messages: list[bytes], **fields: Any) -> Heard:
        return asyncio.run(talk(server, opening(speech=True, **fields), messages, name))

    enrolled = spoken("kitchen", sent(40), level="identity", voice=voice)
    carried = spoken("kitchen", sent(40, voice=mine), level="identity")
    assert enrolled.audio == carried.audio != b""
    # At any other level the voice in the stream is not used.
    assert spoken("kitchen", sent(40, voice=mine), level="anonymous").audio != carried.audio
    stolen = spoken("attic", sent(40), level="identity", voice=voice)
    assert (stolen.code, stolen.audio) == (1008, b"")
    nobodys = spoken("kitchen", sent(40), level="identity")
    assert (nobodys.code, nobodys.audio) == (1008, b"")


def test_openings_that_are_none(open_server: Serving) -> None:
    good = {"type": "open", "stream": "0" * 32, "level": "text"}
    bad: list[str | bytes] = ["", "[]", "null", "{", "[" * 50000, b"EDGY", '"open"']
    changes = [("type", "shut"), ("stream", "../x"), ("stream", 3), ("level", "loud"), ("voice", 5), ("speech", "yes")]
    bad += [json.dumps(good | {key: value}) for key, value in changes]
    bad += [json.dumps(good | {"level": "identity", "speech": True, "voice": v}) for v in ("\ud800", "\x00", "x" * 999)]
    bad += [json.dumps(good | {"speech": True}), json.dumps(good | {"level": "pseudonym", "speech": True})]

    async def refused(first: str | bytes) -> None:
        async with connect(open_server.stream_url) as socket:
            await socket.send(first)
            heard = await Heard().all_of(socket)
        assert heard.code == 1008, first
        assert [m["type"] for m in heard.messages] == ["error"]
        assert "\n" not in heard.messages[0]["message"]

    for first in bad:
        asyncio.run(refused(first))


def test_streams_that_are_none(open_server: Serving, sent: Sent) -> None:
    header, first, second, *_ = sent(60)
    other: list[bytes] = []
    StreamWriter(other.append, StreamHeader("0123456789abcdef", 16, 16000, 320))
    bad: list[tuple[Sequence[bytes | str], str]] = [
        ([first], "27 bytes"),
        (other, "0123456789abcdef"),
        ([header, second], "missing packets"),
        ([header, first + second], "whole packet"),
        ([header, first[:-1]], "whole packet"),
        ([header, b""], "whole packet"),
        ([header, first[:-1] + bytes([first[-1] ^ 1])], "checksum"),
        ([header, "text"], "binary"),
    ]
    for messages, says in bad:
        heard = asyncio.run(talk(open_server, opening(), messages))
        assert heard.code == 1008, says
        assert says in heard.messages[-1]["message"]


def test_a_device_that_waits_is_told_that_it_does(release: Release, tmp_path: Path, sent: Sent) -> None:
    async def wait(server: Serving) -> dict[str, Any]:
        async with connect(server.stream_url) as socket, asyncio.timeout(30):
            await socket.send(opening())
            for message in sent(20):
                await socket.send(message)
            again = 0
            async for answer in socket:
                last: dict[str, Any] = json.loads(answer)
                again += last == {"type": "ack", "next": 2}
                if again == 4:
                    server.reader.go.set()
            return last

    with serving(release, tmp_path, alive_seconds=0.01) as server:
        server.reader.go.clear()
        assert asyncio.run(wait(server))["text"] == "zanzibar0"


def test_a_token_is_needed(server: Serving, sent: Sent) -> None:
    """Told before it is a WebSocket, so that a device keeps what it has until it has the right one."""

    async def refused(headers: dict[str, str]) -> None:
        with pytest.raises(InvalidStatus) as answer:
            await connect(server.stream_url, additional_headers=headers)
        assert answer.value.response.status_code == 401
        assert b"no such token" in (answer.value.response.body or b"")

    for headers in ({}, {"Authorization": "Bearer edgy_wrong"}):
        asyncio.run(refused(headers))
    assert asyncio.run(talk(server, opening(), sent(5), "kitchen")).code == 1000


def test_streams_are_bounded_in_number_length_and_time(release: Release, tmp_path: Path, sent: Sent) -> None:
    async def fill(server: Serving) -> None:
        async with connect(server.stream_url) as one, connect(server.stream_url) as two:
            for socket in (one, two):
                await socket.send(opening())
                await socket.recv()
            third = await talk(server, opening(), sent(5))
            assert third.code == 1013
            assert "as many streams" in third.of("error")[0]["message"]
            assert (await Heard().all_of(one)).code == 1013, "a connection without packets is given up"
        assert (await talk(server, opening(), sent(5))).code == 1000
        too_long = await talk(server, opening(), sent(101))
        assert too_long.code == 1008
        assert "100 codes" in too_long.of("error")[0]["message"]
        async with connect(server.stream_url) as silent:
            assert (await Heard().all_of(silent)).code == 1013
        for _ in range(10):  # What has ended makes room for what comes.
            assert (await talk(server, opening(), sent(5))).code == 1000
        assert len(server.cloud.streams) <= 2

    with serving(release, tmp_path, streams=2, max_seconds=2, idle_seconds=1, body_seconds=0.3) as server:
        asyncio.run(fill(server))


def test_a_client_has_its_own_limit_of_streams(release: Release, tmp_path: Path, sent: Sent) -> None:
    async def fill(server: Serving) -> None:
        headers = {"Authorization": f"Bearer {server.tokens['greedy']}"}
        async with connect(server.stream_url, additional_headers=headers) as socket:
            await socket.send(opening())
            await socket.recv()
            assert (await talk(server, opening(), sent(5), "greedy")).code == 1013
            assert (await talk(server, opening(), sent(5), "modest")).code == 1000
        assert (await talk(server, opening(), sent(5), "greedy")).code == 1000

    with serving(release, tmp_path, (Client("greedy", streams=1), Client("modest", streams=1))) as server:
        asyncio.run(fill(server))


def test_a_full_server_lets_nobody_in_and_finishes_what_it_has(release: Release, tmp_path: Path, sent: Sent) -> None:
    async def overload(server: Serving) -> None:
        loop = asyncio.get_running_loop()
        server.reader.go.clear()
        server.reader.busy.clear()
        admitted = asyncio.create_task(talk(server, opening(), sent(150)))
        await loop.run_in_executor(None, server.reader.busy.wait, 10)
        refused = await talk(server, opening(), sent(5))
        assert refused.code == 1013
        assert "capacity" in refused.of("error")[0]["message"]
        server.reader.go.set()
        assert (await admitted).of("done")[0]["codes"] == 150

    with serving(release, tmp_path, queue=1) as server:
        asyncio.run(overload(server))


def test_streams_are_forgotten_in_time(release: Release, tmp_path: Path, sent: Sent) -> None:
    stream = uuid.uuid4().hex
    with serving(release, tmp_path, resume_seconds=0) as server:
        asyncio.run(talk(server, opening(stream=stream), sent(5)))
        server.cloud.streams.expire()
        assert len(server.cloud.streams) == 0
        heard = asyncio.run(talk(server, opening(stream=stream), sent(5)))
        assert heard.messages[0] == {"type": "ready", "next": 0}


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_fuzzed_conversations_end_and_the_server_lives(data: st.DataObject, open_server: Serving, sent: Sent) -> None:
    messages: list[bytes | str] = list(sent(30, per_packet=10))
    voice = open_server.cloud.engine.decoder.voice("F1").embedding
    mangled = st.one_of(
        st.sampled_from(messages),
        st.sampled_from(sent(7, voice=voice)),
        st.binary(max_size=70),
        st.text(max_size=20),
        st.builds(lambda m, i, b: m[: i % len(m)] + bytes([b]) + m[i % len(m) + 1 :],
                  st.sampled_from(sent(30)), st.integers(0, 500), st.integers(0, 255)),
    )  # fmt: skip
    levels = st.sampled_from(["text", "anonymous", "pseudonym", "identity", "x"])
    first = st.one_of(
        st.builds(lambda level, speech, v: opening(level=level, speech=speech, voice=v), levels, st.booleans(),
                  st.none() | st.text(max_size=5)),
        st.text(max_size=30),
    )  # fmt: skip
    talked = data.draw(st.lists(mangled, max_size=8))
    if data.draw(st.booleans()):
        talked = messages[: data.draw(st.integers(0, len(messages)))] + talked

    greeting = data.draw(first)

    async def converse() -> int:
        async with connect(open_server.stream_url) as socket:
            await socket.send(greeting)
            try:
                for message in talked:
                    await socket.send(message)
                async with asyncio.timeout(0.3):
                    while True:
                        await socket.recv()
            except (ConnectionClosed, TimeoutError):
                pass
        return socket.close_code or 0

    assert asyncio.run(converse()) in (1000, 1008)
    with open_server.http() as http:
        assert http.get("/healthz").status_code == 200
        assert 'edgy_streams_closed_total{code="1011"}' not in http.get("/metrics").text
