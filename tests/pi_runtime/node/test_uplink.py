"""Over real sockets: each packet counts once, whatever breaks; what the cloud refuses for good is not sent again."""

import asyncio
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from edgy_tf.errors import RejectedError, StorageError, UplinkError
from edgy_tf.wire import StreamHeader, StreamWriter, read_stream
from pi_runtime.node.counts import Counts
from pi_runtime.node.delivery import backoff, drain
from pi_runtime.node.ledger import Ledger
from pi_runtime.node.levels import Level
from pi_runtime.node.post import PostUplink
from pi_runtime.node.spool import Spool
from pi_runtime.node.uplink import StreamUplink
from pi_runtime.node.utterance import Utterance
from tests.pi_runtime.node.cloud import Cloud

HEADER = StreamHeader("0123456789abcdef", 512, 16000, 320)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "disclosures.db")


def spoken(codes: int = 55, level: str = "text", speaker: bool = False) -> Utterance:
    utterance = Utterance(Level.parse(level))
    writer = StreamWriter(utterance.append, HEADER, 10)
    if speaker:
        writer.write_speaker([0.5, 0.25])
    writer.write(np.arange(codes))
    writer.close()
    return utterance


def deliver(uplink: Any, utterance: Utterance) -> str:
    return asyncio.run(asyncio.wait_for(uplink.deliver(utterance), 20))


def test_a_stream_arrives_byte_by_byte_and_its_text_returns(cloud: Cloud, ledger: Ledger) -> None:
    heard: list[tuple[str, bool]] = []
    utterance = spoken(level="pseudonym:kitchen")
    uplink = StreamUplink(cloud.url, "", ledger, lambda text, final: heard.append((text, final)))
    assert deliver(uplink, utterance) == "55 codes"
    received = cloud.streams[utterance.stream]
    assert received.data == utterance.header + b"".join(utterance.packets)
    opening = {"type": "open", "stream": utterance.stream, "level": "pseudonym", "voice": "kitchen", "speech": False}
    assert received.opening == opening
    assert heard == [("so far", False)] * 7 + [("55 codes", True)]


def test_a_stream_that_has_no_header_yet_is_waited_for(cloud: Cloud, ledger: Ledger) -> None:
    """The sender may take up an utterance before the encoder has said a word."""

    async def late() -> str:
        utterance, whole = Utterance(Level("text")), spoken()
        delivery = asyncio.create_task(StreamUplink(cloud.url, "", ledger).deliver(utterance))
        await asyncio.to_thread(cloud.wait, lambda: utterance.stream in cloud.streams)
        for data in (whole.header, *whole.packets):
            utterance.append(data)
        return await delivery

    assert asyncio.run(asyncio.wait_for(late(), 20)) == "55 codes"


@pytest.mark.parametrize("breaks", [[0], [1], [6], [0, 0, 2, 1]])
def test_a_broken_connection_goes_on_where_it_stopped(cloud: Cloud, ledger: Ledger, breaks: list[int]) -> None:
    utterance, uplink = spoken(), StreamUplink(cloud.url, "", ledger)
    cloud.hang_up_after = list(breaks)
    for _ in breaks:
        with pytest.raises(UplinkError):
            deliver(uplink, utterance)
    assert deliver(uplink, utterance) == "55 codes"
    received = cloud.streams[utterance.stream]
    assert received.data == utterance.header + b"".join(utterance.packets)
    assert received.repeats == 0
    assert cloud.finished == [utterance.stream]


def test_a_finished_stream_whose_answer_was_lost_is_not_done_twice(cloud: Cloud, ledger: Ledger) -> None:
    utterance, uplink = spoken(), StreamUplink(cloud.url, "", ledger)
    cloud.swallow_done = 1
    with pytest.raises(UplinkError):
        deliver(uplink, utterance)
    assert deliver(uplink, utterance) == "55 codes"
    assert cloud.finished == [utterance.stream]


@pytest.mark.parametrize(("code", "kind"), [(1008, RejectedError), (1013, UplinkError), (1011, UplinkError)])
def test_a_refusal_is_told_in_one_line_and_tried_again_only_if_that_helps(
    cloud: Cloud, ledger: Ledger, code: int, kind: type[UplinkError]
) -> None:
    cloud.refusal = (code, "no such\ncodebook \x1b[31m")
    with pytest.raises(UplinkError, match="no such codebook") as caught:
        deliver(StreamUplink(cloud.url, "", ledger), spoken())
    assert type(caught.value) is kind
    assert str(caught.value).isprintable()


def test_the_token_is_sent_and_a_wrong_one_is_told_without_it(ledger: Ledger) -> None:
    with Cloud(token="right").running() as cloud:
        assert deliver(StreamUplink(cloud.url, "right", ledger), spoken()) == "55 codes"
        with pytest.raises(UplinkError, match="401; check the token") as caught:
            deliver(StreamUplink(cloud.url, "wrong", ledger), spoken())
        assert "wrong" not in str(caught.value)
        assert not isinstance(caught.value, RejectedError)


def test_a_redirect_is_not_followed(cloud: Cloud, ledger: Ledger) -> None:
    async def redirected() -> None:
        async def never(socket: ServerConnection) -> None: ...

        def redirect(connection: ServerConnection, request: Any) -> Any:
            response = connection.respond(302, "")
            response.headers["Location"] = cloud.url + "/v1/stream"
            return response

        async with serve(never, "127.0.0.1", 0, process_request=redirect) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(UplinkError, match="302"):
                await StreamUplink(f"ws://127.0.0.1:{port}", "secret", ledger).deliver(spoken())

    asyncio.run(redirected())
    assert cloud.tokens == []


@pytest.mark.parametrize(
    "answers",
    [["nonsense"], ["[]"], ["{}"], ['{"type": "hello"}'], ['{"type": "ready", "next": -1}'], ['{"type": "ready"}'], []],
)
def test_a_cloud_that_is_none_is_an_error_and_no_hang(ledger: Ledger, answers: list[str]) -> None:
    async def meet() -> None:
        async def answer(socket: ServerConnection) -> None:
            for message in answers:
                await socket.send(message)
            await socket.wait_closed()

        async with serve(answer, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            uplink = StreamUplink(f"ws://127.0.0.1:{port}", "", ledger, reply_s=0.3)
            with pytest.raises(UplinkError, match=r"EDGY cloud|silent"):
                await uplink.deliver(spoken())

    asyncio.run(asyncio.wait_for(meet(), 20))


def test_a_cloud_that_has_more_than_we_do_is_not_asked_again(cloud: Cloud, ledger: Ledger) -> None:
    utterance, uplink = spoken(), StreamUplink(cloud.url, "", ledger)
    cloud.hang_up_after = [5]
    with pytest.raises(UplinkError):
        deliver(uplink, utterance)
    shorter = Utterance.from_bytes(utterance.header + utterance.packets[0], utterance.level, utterance.stream)
    with pytest.raises(RejectedError, match="expects packet 5 of 2"):
        deliver(uplink, shorter)


def test_every_byte_that_arrived_is_in_the_ledger_by_its_kind(cloud: Cloud, ledger: Ledger) -> None:
    utterance = spoken(level="identity", speaker=True)
    deliver(StreamUplink(cloud.url, "", ledger), utterance)
    received = cloud.streams[utterance.stream]
    sums = {t.kind: (t.messages, t.bytes) for t in ledger.totals()}
    assert sums["header"] == (1, len(received.header))
    assert sums["speaker vector"] == (1, len(received.packets[0]))
    assert sums["codes"] == (6, sum(map(len, received.packets[1:-1])))
    assert sums["end"] == (1, len(received.packets[-1]))
    assert sums["control"][0] == 2
    assert sums["control"][1] > len(json.dumps(received.opening))
    assert {(t.level, t.destination) for t in ledger.totals()} == {("identity", f"localhost:{cloud.port}")}


def test_what_cannot_be_recorded_does_not_leave(cloud: Cloud, ledger: Ledger) -> None:
    utterance, uplink = spoken(), StreamUplink(cloud.url, "", ledger)
    ledger.close()
    with pytest.raises(StorageError, match="nothing is sent"):
        deliver(uplink, utterance)
    assert cloud.streams == {}


def test_tls_with_an_authority_of_ones_own(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Cloud(tls=context).running() as cloud:
        with pytest.raises(UplinkError, match=r"(?i)certificate"):
            deliver(StreamUplink(cloud.url, "secret", ledger), spoken())
        assert cloud.tokens == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert deliver(StreamUplink(cloud.url, "secret", ledger), spoken()) == "55 codes"


def test_delays_double_up_to_a_minute() -> None:
    delays = [delay for delay, _ in zip(backoff(), range(12), strict=False)]
    assert all(0.5 * 2**i <= delay <= 2**i for i, delay in enumerate(delays[:6]))
    assert all(30 <= delay <= 60 for delay in delays[6:])


def test_a_refused_stream_is_set_aside_and_the_next_one_goes(cloud: Cloud, ledger: Ledger, tmp_path: Path) -> None:
    spool, counts = Spool(tmp_path / "spool", 1 << 20), Counts()

    def speak() -> Utterance:
        utterance = spool.begin(Level("text"))
        writer = StreamWriter(lambda data: spool.append(utterance, data), HEADER)
        writer.write([1, 2, 3])
        writer.close()
        return utterance

    async def run() -> None:
        sending = asyncio.create_task(drain(spool, StreamUplink(cloud.url, "", ledger), counts, lambda: repeat(0.01)))
        await asyncio.wait_for(spool.empty(), 10)
        sending.cancel()

    cloud.refusal = (1008, "unknown codebook")
    refused = speak()
    asyncio.run(run())
    cloud.refusal = None
    accepted = speak()
    asyncio.run(run())
    assert cloud.finished == [accepted.stream]
    assert (spool.spoiled, counts.delivered, counts.failures) == (1, 1, 0)
    assert len(list((tmp_path / "spool").glob(f"*{refused.stream}*.bad"))) == 1


class Post(BaseHTTPRequestHandler):
    """Answers a POST as told, and remembers it."""

    status, answer = 200, b'{"text": "hello", "segments": []}'
    seen: ClassVar[list[tuple[str, str | None, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.status)
        self.send_header("Location", self.path)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def post() -> Iterator[tuple[type[Post], str]]:
    class Mine(Post):
        seen: ClassVar[list[tuple[str, str | None, bytes]]] = []

    with HTTPServer(("127.0.0.1", 0), Mine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Mine, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_stream_by_one_request(post: tuple[type[Post], str], ledger: Ledger) -> None:
    handler, url = post
    utterance, heard = spoken(), []
    uplink = PostUplink(url, "secret", ledger, lambda text, final: heard.append((text, final)))
    assert deliver(uplink, utterance) == "hello"
    ((path, token, body),) = handler.seen
    assert (path, token) == ("/v1/transcript", "Bearer secret")
    assert read_stream(body).codes.tolist() == list(range(55))
    assert heard == [("hello", True)]
    assert sum(t.bytes for t in ledger.totals() if t.kind != "control") == len(body)


@pytest.mark.parametrize(
    ("status", "answer", "kind", "says"),
    [
        (422, b"unknown\ncodebook", RejectedError, "422: unknown codebook"),
        (503, b"", UplinkError, "503"),
        (302, b"", UplinkError, "302"),
        (401, b"", UplinkError, "check the token"),
        (200, b"<html>", UplinkError, "no transcript"),
    ],
)
def test_answers_that_are_no_transcript(
    post: tuple[type[Post], str], ledger: Ledger, status: int, answer: bytes, kind: type[UplinkError], says: str
) -> None:
    handler, url = post
    handler.status, handler.answer = status, answer
    with pytest.raises(UplinkError, match=says) as caught:
        deliver(PostUplink(url, "secret", ledger, lambda text, final: None), spoken())
    assert type(caught.value) is kind
    assert len(handler.seen) == 1
