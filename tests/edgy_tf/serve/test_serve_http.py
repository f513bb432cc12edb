"""The routes over HTTP, by a real client of a real server."""

import asyncio
import contextlib
import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgy_tf.releases import Release
from edgy_tf.serve.auth import Client
from edgy_tf.wire import StreamHeader, StreamWriter
from tests.edgy_tf.serve.conftest import Sent, Serving, serving

BINARY = {"Content-Type": "application/octet-stream"}


def test_codes_become_text_with_times(open_server: Serving, sent: Sent) -> None:
    with open_server.http() as http:
        answer = http.post("/v1/transcript", content=b"".join(sent(75)), headers=BINARY)
    assert answer.status_code == 200
    assert answer.json() == {
        "text": "zanzibar0 zanzibar1",
        "segments": [
            {"start": 0.0, "end": 1.0, "text": "zanzibar0"},
            {"start": 1.0, "end": 1.5, "text": "zanzibar1"},
        ],
    }


@pytest.mark.parametrize(("name", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_16"), ("ogg", "OPUS")])
def test_codes_become_speech_of_their_length(name: str, subtype: str, open_server: Serving, sent: Sent) -> None:
    body = b"".join(sent(75, samples=23456))
    with open_server.http() as http:
        answer = http.post(f"/v1/speech?voice=F1&format={name}", content=body, headers=BINARY)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"audio/{name}"
    with soundfile.SoundFile(io.BytesIO(answer.content)) as file:
        assert (file.samplerate, file.frames, file.subtype) == (16000, 23456, subtype)
        assert np.abs(file.read()).max() > 0


def test_speech_is_anonymous_unless_a_voice_is_named(open_server: Serving, sent: Sent) -> None:
    body = b"".join(sent(50))

    def speech(voice: str = "") -> bytes:
        answer = http.post(f"/v1/speech{voice}", content=body, headers=BINARY)
        assert answer.status_code == 200
        return answer.content

    with open_server.http() as http:
        assert speech() != speech()
        assert speech("?voice=anonymous") != speech("?voice=anonymous")
        assert speech("?voice=pseudonym:kitchen") == speech("?voice=pseudonym:kitchen")
        assert speech("?voice=pseudonym:kitchen") != speech("?voice=pseudonym:attic")
        mine = open_server.cloud.engine.decoder.voice("M1").embedding
        body = b"".join(sent(50, voice=mine))
        assert speech() == speech("?voice=M1")


def test_another_codebook_is_refused_by_name(open_server: Serving, sent: Sent) -> None:
    messages: list[bytes] = []
    StreamWriter(messages.append, StreamHeader("0123456789abcdef", 16, 16000, 320)).close()
    lying: list[bytes] = []
    ours = open_server.cloud.engine.header.codebook_id
    StreamWriter(lying.append, StreamHeader(ours, 512, 16000, 320)).close()
    with open_server.http() as http:
        for route in ("/v1/transcript", "/v1/speech"):
            refused = http.post(route, content=b"".join(messages), headers=BINARY)
            assert refused.status_code == 409
            assert "0123456789abcdef" in refused.json()["detail"]
            assert ours in refused.json()["detail"]
            assert http.post(route, content=b"".join(lying), headers=BINARY).status_code == 409


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bodies_are_refused_in_one_line(data: st.DataObject, open_server: Serving, sent: Sent) -> None:
    good = b"".join(sent(30))
    cut = data.draw(st.integers(0, len(good) - 1))
    flip = data.draw(st.integers(1, 255))
    damaged = data.draw(st.sampled_from([good[:cut], good[:cut] + bytes([good[cut] ^ flip]) + good[cut + 1 :]]))
    body = data.draw(st.one_of(st.just(damaged), st.binary(max_size=200), st.just(good + b"\x01" + damaged)))
    with open_server.http() as http:
        for route in ("/v1/transcript", "/v1/speech"):
            answer = http.post(route, content=body, headers=BINARY)
            assert answer.status_code in (400, 409), answer.text
            assert "\n" not in answer.json()["detail"]


def test_voices_that_are_none_are_refused(open_server: Serving, sent: Sent) -> None:
    with open_server.http() as http:
        answer = http.post("/v1/speech?voice=Elvis", content=b"".join(sent(5)), headers=BINARY)
        assert answer.status_code == 404
        assert "no voice 'Elvis'; choose anonymous" in answer.json()["detail"]
        for voice in (np.full(4, 3e38, np.float32), np.zeros(5, np.float32)):
            answer = http.post("/v1/speech", content=b"".join(sent(5, voice=voice)), headers=BINARY)
            assert answer.status_code == 422
            assert "edgy enrol" in answer.json()["detail"]


def test_size_is_limited_while_the_body_comes(release: Release, tmp_path: Path, sent: Sent) -> None:
    with serving(release, tmp_path, max_seconds=2) as server, server.http() as http:
        assert http.post("/v1/transcript", content=b"".join(sent(100)), headers=BINARY).status_code == 200
        assert http.post("/v1/transcript", content=b"".join(sent(101)), headers=BINARY).status_code == 413

        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            yield sent(10)[0]
            while True:
                taken += 1
                assert taken < 2000
                yield bytes(10_000)

        # The server may hang up before its answer is read.
        with contextlib.suppress(httpx.TransportError):
            assert http.post("/v1/transcript", content=endless(), headers=BINARY).status_code == 413


def test_a_body_that_does_not_come_is_given_up(release: Release, tmp_path: Path) -> None:
    with serving(release, tmp_path, body_seconds=0.2) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            slow.sendall(b"POST /v1/transcript HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nEDGY")
            assert b" 408 " in slow.recv(1000)
        # One that hangs up in the middle leaves no trace.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as gone:
            gone.sendall(b"POST /v1/transcript HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nEDGY")
        with server.http() as http:
            assert http.get("/healthz").status_code == 200
            assert 'status="500"' not in http.get("/metrics").text


def test_above_capacity_requests_are_refused_and_the_others_served(
    release: Release, tmp_path: Path, sent: Sent
) -> None:
    body = b"".join(sent(20))

    async def storm(server: Serving) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=30, limits=httpx.Limits(max_connections=30)) as http:
            asks = [asyncio.create_task(http.post("/v1/transcript", content=body, headers=BINARY)) for _ in range(30)]
            while sum(ask.done() for ask in asks) < 26:
                await asyncio.sleep(0.01)
            server.reader.go.set()
            return await asyncio.gather(*asks)

    with serving(release, tmp_path, queue=4) as server:
        server.reader.go.clear()
        answers = asyncio.run(storm(server))
        refused = [a for a in answers if a.status_code == 503]
        assert len(refused) == 26
        assert all(int(a.headers["Retry-After"]) >= 1 and "capacity" in a.json()["detail"] for a in refused)
        assert [a.json()["text"] for a in answers if a.status_code == 200] == ["zanzibar0"] * 4
        with server.http() as http:
            counts = http.get("/metrics").text
        assert 'edgy_jobs_refused_total{lane="text"} 26.0' in counts
        assert 'edgy_jobs_pending{lane="text"} 0.0' in counts


def test_work_that_takes_too_long_is_given_up(release: Release, tmp_path: Path, sent: Sent) -> None:
    with serving(release, tmp_path, job_seconds=0.2) as server, server.http() as http:
        server.reader.go.clear()
        answer = http.post("/v1/transcript", content=b"".join(sent(20)), headers=BINARY)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        server.reader.go.set()
        # Soon there is time again, however slow the machine is.
        asks = (http.post("/v1/transcript", content=b"".join(sent(20)), headers=BINARY) for _ in range(100))
        assert any(answer.status_code == 200 for answer in asks)


def test_a_token_is_needed_everywhere(server: Serving, sent: Sent) -> None:
    asks = [("POST", "/v1/transcript"), ("POST", "/v1/speech"), ("GET", "/v1/voices"), ("POST", "/v1/voices")]
    asks.append(("DELETE", "/v1/voices/" + 32 * "0"))
    for headers in ({}, {"Authorization": "Bearer edgy_wrong"}, {"Authorization": "Basic eDp5"}):
        with httpx.Client(base_url=server.url, headers=headers) as http:
            for method, route in asks:
                answer = http.request(method, route, content=b"".join(sent(5)))
                assert answer.status_code == 401, (method, route)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert http.get("/healthz").status_code == 200


def test_each_token_has_its_own_rate(release: Release, tmp_path: Path) -> None:
    with serving(release, tmp_path, (Client("busy", per_minute=3), Client("calm", per_minute=3))) as server:
        with server.http("busy") as http:
            statuses = [http.get("/v1/voices").status_code for _ in range(5)]
            assert statuses == [200, 200, 200, 429, 429]
            assert 1 <= int(http.get("/v1/voices").headers["Retry-After"]) <= 20
        with server.http("calm") as http:
            assert http.get("/v1/voices").status_code == 200


def enrolment(server: Serving, **changes: object) -> dict[str, object]:
    voice = server.cloud.engine.decoder.voice("M1").embedding + np.float32(0.123456)
    about: dict[str, object] = {"name": "me", "codebook_id": server.cloud.engine.header.codebook_id}
    return about | {"embedding": voice.tolist(), "consent": True} | changes


def test_a_voice_is_its_owners_alone(server: Serving, sent: Sent) -> None:
    body = b"".join(sent(20))
    with server.http("kitchen") as mine, server.http("attic") as theirs:
        made = mine.post("/v1/voices", json=enrolment(server))
        assert made.status_code == 201
        voice = made.json()["id"]
        assert "embedding" not in made.json()
        assert [v["id"] for v in mine.get("/v1/voices").json()["enrolled"]] == [voice]
        assert theirs.get("/v1/voices").json()["enrolled"] == []

        spoken = mine.post(f"/v1/speech?voice={voice}", content=body, headers=BINARY)
        plain = mine.post("/v1/speech?voice=M1", content=body, headers=BINARY)
        assert spoken.status_code == 200
        assert spoken.content != plain.content

        # What is another's and what is nobody's look alike.
        nobodys = "0" * 32
        for route, method in ((f"/v1/speech?voice={voice}", "POST"), (f"/v1/voices/{voice}", "DELETE")):
            refused = theirs.request(method, route, content=body)
            unknown = theirs.request(method, route.replace(voice, nobodys), content=body)
            assert refused.status_code == unknown.status_code == 404
            assert refused.text.replace(voice, nobodys) == unknown.text

        assert mine.delete(f"/v1/voices/{voice}").status_code == 204
        assert mine.delete(f"/v1/voices/{voice}").status_code == 404
        assert mine.post(f"/v1/speech?voice={voice}", content=body, headers=BINARY).status_code == 404
        assert mine.get("/v1/voices").json()["enrolled"] == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"consent": False}, 422),
        ({"codebook_id": "0123456789abcdef"}, 409),
        ({"embedding": [0.1] * 5}, 422),
        ({"embedding": [1e300] * 4}, 422),
        ({"embedding": [float("nan")] * 4}, 422),
        ({"embedding": ["x"] * 4}, 422),
        ({"name": "\x00"}, 422),
        ({"name": "\ud800"}, 422),
    ],
)
def test_what_is_no_voice_is_not_enrolled(changes: dict[str, object], status: int, server: Serving) -> None:
    with server.http("kitchen") as http:
        content = json.dumps(enrolment(server, **changes))
        answer = http.post("/v1/voices", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
        assert set(answer.json()) == {"detail"}
        assert "0.123456" not in answer.text
        assert http.get("/v1/voices").json()["enrolled"] == []


def test_logs_hold_neither_words_nor_codes_nor_names(
    release: Release, tmp_path: Path, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with serving(release, tmp_path, (Client("kitchen"),)) as server, server.http("kitchen") as http:
        body = b"".join(sent(75))
        assert "zanzibar" in http.post("/v1/transcript", content=body, headers=BINARY).text
        http.post("/v1/speech?voice=pseudonym:rosebud", content=body, headers=BINARY)
        http.post("/v1/transcript", content=body[:-5], headers=BINARY)
        ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
        log = "\n".join(ours) + http.get("/metrics").text
        assert ours
        for secret in ("zanzibar", "rosebud", server.tokens["kitchen"], "kitchen", body[30:40].hex()):
            assert secret not in log


def test_memory_stays_flat(open_server: Serving, sent: Sent) -> None:
    """Ten times as many requests, half of them bad, must not cost ten times the memory."""
    body = b"".join(sent(50))

    def ask(times: int) -> int:
        with open_server.http() as http:
            for i in range(times):
                http.post("/v1/transcript", content=body if i % 2 else body[:-1], headers=BINARY)
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    threads, before = threading.active_count(), ask(50)
    assert ask(500) - before < 20e6
    assert threading.active_count() - threads < 60
