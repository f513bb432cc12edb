"""The library's streams from the dex against a real cloud's socket: each packet counts once, whatever breaks."""

import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from edgy_tf.releases import find_release
from edgy_tf.wire import StreamHeader, StreamWriter
from pi_runtime.model_file import read_info
from tests.android_demo.conftest import ROOT, Built
from tests.edgy_tf.serve.conftest import serving
from tests.pi_runtime.node.cloud import Cloud

INFO = read_info(find_release("pi").encoder("int8"))
CODES = np.random.default_rng(0).integers(0, INFO.codebook_size, 180)


class Phone:
    """An app's process with a state folder, which outlives it."""

    def __init__(self, built: Built, folder: Path) -> None:
        self.built, self.folder = built, folder

    def speaks(
        self,
        url: str,
        utterances: int,
        level: str = "text",
        token: str = "",
        speech: bool = False,
        killed: bool = False,
    ) -> subprocess.Popen[str]:
        """Start it; it ends when all it has is settled, or dies within the last utterance."""
        arguments = [str(self.folder), url, token, level, str(speech), str(utterances), ",".join(map(str, CODES))]
        command = self.built.java("org.edgy.android.Speak", *arguments, *(["killed"] if killed else []))
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def says(self, url: str, utterances: int, **how: object) -> dict[str, list[list[str]]]:
        """All that it was told, by kind."""
        return told(self.speaks(url, utterances, **how))  # type: ignore[arg-type]

    def disclosures(self) -> list[list[str]]:
        """Lines of the ledger."""
        return [line.split("\t") for line in (self.folder / "disclosures.tsv").read_text("utf-8").splitlines()]


def told(process: subprocess.Popen[str]) -> dict[str, list[list[str]]]:
    lines = defaultdict(list)
    said, _ = process.communicate(timeout=300)
    for line in said.splitlines():
        kind, *fields = line.split("\t")
        lines[kind].append(fields)
    return lines


def first_trouble(process: subprocess.Popen[str]) -> str:
    """The first line about trouble."""
    assert process.stdout is not None
    for line in iter(process.stdout.readline, ""):
        if line.startswith("trouble"):
            return line
    raise AssertionError("it ended without any trouble")


@pytest.fixture
def phone(built: Built, tmp_path: Path) -> Phone:
    return Phone(built, tmp_path / "phone")


class Weighing(Cloud):
    """A cloud that also weighs the requests that come."""

    requests: int = 0

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests += len(request.serialize())
        return await super()._admit(connection, request)


@pytest.fixture
def cloud() -> Iterator[Weighing]:
    with Weighing().running() as running:
        assert isinstance(running, Weighing)
        yield running


def expected(codes: np.ndarray = CODES, voice: list[float] | None = None) -> bytes:
    """The stream as Python writes it."""
    data: list[bytes] = []
    writer = StreamWriter(
        data.append, StreamHeader(INFO.codebook_id, INFO.codebook_size, INFO.sample_rate, INFO.samples_per_code)
    )
    if voice:
        writer.write_speaker(voice)
    writer.write(codes)
    writer.close()
    return b"".join(data)


def test_streams_arrive_in_order_with_the_bytes_that_python_writes(cloud: Weighing, phone: Phone) -> None:
    said = phone.says(cloud.url, 3, level="pseudonym:kitchen")
    begun = [stream for (stream,) in said["begun"]]
    assert cloud.finished == begun
    assert said["delivered"] == [[stream, "180 codes"] for stream in begun]
    assert said["waiting"] == [["0"]]
    assert not said["trouble"]
    for stream in begun:
        assert cloud.streams[stream].data == expected()
        opening = {"type": "open", "stream": stream, "level": "pseudonym", "voice": "kitchen", "speech": False}
        assert cloud.streams[stream].opening == opening
    assert [stream, "true", "180 codes"] in said["text"]


def test_the_voice_is_sent_at_level_identity(cloud: Weighing, phone: Phone) -> None:
    said = phone.says(cloud.url, 1, level="identity")
    assert cloud.streams[said["begun"][0][0]].data == expected(voice=[0.5, 0.1])
    assert [line[2] for line in phone.disclosures()].count("speaker vector") == 1


def test_the_ledger_has_every_byte_that_left(cloud: Weighing, phone: Phone) -> None:
    phone.says(cloud.url, 2, token="kitchen-token")
    assert cloud.tokens == ["Bearer kitchen-token"] * 2
    sums: dict[str, int] = defaultdict(int)
    for _, _, kind, size, _, level, destination in phone.disclosures():
        assert (level, destination) == ("text", cloud.url.removeprefix("ws://"))
        sums[kind] += int(size)
    openings = 2 * len('{"type":"open","stream":"","level":"text","speech":false}') + 2 * 32
    assert sums == {
        "control": cloud.requests + openings,
        "header": 2 * 27,
        "codes": 2 * (len(expected()) - 54),
        "end": 2 * 27,
    }


@pytest.mark.parametrize("seed", range(2))
def test_connections_that_break_lose_and_double_nothing(cloud: Weighing, phone: Phone, seed: int) -> None:
    cloud.hang_up_after = [random.Random(seed).randrange(5) for _ in range(8)]
    cloud.swallow_done = 2
    said = phone.says(cloud.url, 3)
    assert cloud.finished[-1] == said["begun"][-1][0]
    assert sorted(cloud.finished) == sorted(stream for (stream,) in said["begun"])
    assert all(received.data == expected() for received in cloud.streams.values())
    assert len(said["delivered"]) == 3
    assert said["trouble"]


def test_a_cloud_that_is_away_gets_everything_when_it_returns(phone: Phone) -> None:
    cloud = Weighing()
    with cloud.running():
        pass
    process = phone.speaks(cloud.url, 2)
    first_trouble(process)
    with cloud.running():
        assert len(told(process)["delivered"]) == 2
    assert all(received.data == expected() for received in cloud.streams.values())


def test_a_killed_process_loses_nothing_that_was_whole(cloud: Weighing, phone: Phone) -> None:
    cloud.hang_up_after = [0] * 1000
    dead = phone.speaks(cloud.url, 2, killed=True)
    streams = [stream for (stream,) in told(dead)["begun"]]
    assert dead.returncode == 9
    cloud.hang_up_after = []
    said = phone.says(cloud.url, 0)
    assert [stream for stream, _ in said["delivered"]] == streams
    assert cloud.streams[streams[0]].data == expected()
    assert cloud.streams[streams[1]].data == expected(CODES[:150])  # whole packets of 50


def test_what_the_cloud_refuses_for_good_is_not_sent_again(cloud: Weighing, phone: Phone) -> None:
    cloud.refusal = 1008, "another\ncodebook"
    said = phone.says(cloud.url, 2)
    assert [reason for _, reason in said["rejected"]] == ["another codebook"] * 2
    assert cloud.connections == 2
    assert said["waiting"] == [["0"]]


def test_what_it_refuses_for_now_is(cloud: Weighing, phone: Phone) -> None:
    cloud.refusal = 1013, "come back later"
    process = phone.speaks(cloud.url, 1)
    cloud.wait(lambda: cloud.connections >= 3)
    cloud.refusal = None
    said = told(process)
    assert ["come back later"] in said["trouble"]
    assert len(said["delivered"]) == 1


def test_what_is_no_cloud_gets_no_codes(phone: Phone) -> None:
    class Parrot(Cloud):
        async def _converse(self, socket: ServerConnection) -> None:
            await socket.send(await socket.recv())
            await socket.send("hello")
            assert isinstance(await socket.recv(), str), "codes came"

    with Parrot().running() as cloud:
        process = phone.speaks(cloud.url, 1)
        cloud.wait(lambda: cloud.connections >= 2)
        process.kill()
        said = told(process)
    assert ["the cloud says what is no message; is it an EDGY cloud?"] in said["trouble"]
    assert {line[2] for line in phone.disclosures()} == {"control"}


def test_a_wrong_token_is_named(phone: Phone) -> None:
    with Weighing(token="right").running() as cloud:
        process = phone.speaks(cloud.url, 1, token="wrong")
        line = first_trouble(process)
        process.kill()
        process.communicate()
        assert line == "trouble\tthe cloud answers 401; check the token\n"
        assert not cloud.streams


def test_no_redirect_is_followed(phone: Phone) -> None:
    class Elsewhere(Cloud):
        async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
            response = connection.respond(307, "there\n")
            response.headers["Location"] = f"http://localhost:{elsewhere.port}/v1/stream"
            return response

    with Weighing().running() as elsewhere, Elsewhere().running() as cloud:
        process = phone.speaks(cloud.url, 1)
        line = first_trouble(process)
        process.kill()
        process.communicate()
        assert "307" in line
        assert not elsewhere.tokens


def test_the_projects_own_server_reads_and_speaks(phone: Phone, tmp_path: Path) -> None:
    with serving(find_release("pi"), tmp_path) as server:
        said = phone.says(f"ws://127.0.0.1:{server.port}", 1, level="anonymous", speech=True)
    ((stream, text),) = said["delivered"]
    assert text == "zanzibar0 zanzibar1 zanzibar2 zanzibar3"
    assert [stream, "true", text] in said["text"]
    assert sum(int(samples) for _, samples in said["speech"]) == 180 * 320
