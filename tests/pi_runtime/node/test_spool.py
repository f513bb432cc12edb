"""Whatever happens to a process or to the disk: below the limit nothing is lost, and all comes in order, once."""

import asyncio
import errno
import os
import resource
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgy_tf.errors import StorageError
from edgy_tf.wire import StreamHeader, StreamWriter, read_stream
from pi_runtime.node.levels import Level
from pi_runtime.node.spool import BLOCK, Spool
from pi_runtime.node.utterance import Utterance

HEADER = StreamHeader("0123456789abcdef", 512, 16000, 320)
TEXT = Level("text")


def write(spool: Spool, codes: int, level: Level = TEXT, end: bool = True) -> Utterance:
    """An utterance of ``codes`` codes, 10 a packet, all of them its own number."""
    utterance = spool.begin(level)
    writer = StreamWriter(lambda data: spool.append(utterance, data), HEADER, 10)
    writer.write(np.full(codes, codes % 512))
    if end:
        writer.close()
    return utterance


def take(spool: Spool) -> Utterance:
    """The head of a spool that has one."""
    return asyncio.run(asyncio.wait_for(spool.head(), 5))


def data_of(utterance: Utterance) -> bytes:
    return utterance.header + b"".join(utterance.packets)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, 1 << 20)
    yield spool
    spool.close()


def reopened(spool: Spool, limit: int = 1 << 20) -> Spool:
    """The spool of the next process: the old one is gone without a goodbye."""
    spool.close()
    return Spool(spool._folder, limit)


@dataclass
class Expected:
    """What the spool should hold of one utterance."""

    stream: str
    level: str
    size: int = 0
    codes: int = 0
    growing: bool = False


class Life(RuleBasedStateMachine):
    """A spool beside a list that should hold the same."""

    limit = 6 * BLOCK

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.spool = Spool(Path(self.folder.name), self.limit)
        self.queue: list[Expected] = []
        self.dropped = 0
        self.writer: StreamWriter | None = None

    @precondition(lambda self: self.writer is None)
    @rule(level=st.sampled_from(["text", "anonymous", "pseudonym:kitchen-1", "identity"]))
    def speak(self, level: str) -> None:
        utterance = self.spool.begin(Level.parse(level))
        self.writer = StreamWriter(lambda data: self.spool.append(utterance, data), HEADER, 10)
        self.live = Expected(utterance.stream, level, growing=True)
        self.queue.append(self.live)
        self.grow(0)

    @precondition(lambda self: self.writer is not None)
    @rule(packets=st.integers(1, 400))
    def go_on(self, packets: int) -> None:
        assert self.writer is not None
        self.writer.write(np.zeros(10 * packets, np.int32))
        self.grow(10 * packets)

    @precondition(lambda self: self.writer is not None and self.live.codes)
    @rule()
    def stop_speaking(self) -> None:
        assert self.writer is not None
        self.writer.close()
        self.grow(0)
        self.writer, self.live.growing = None, False

    @rule()
    def deliver(self) -> None:
        if self.queue and not self.queue[0].growing:
            head, expected = take(self.spool), self.queue.pop(0)
            assert (head.stream, str(head.level), head.ended) == (expected.stream, expected.level, True)
            assert len(read_stream(data_of(head)).codes) == expected.codes
            self.spool.done(head)
            assert not self.spool.holds(head)

    @rule(torn=st.binary(max_size=20))
    def kill(self, torn: bytes) -> None:
        """The process is gone; what it was writing may be torn."""
        if self.writer is not None and self.live in self.queue:
            with next(Path(self.folder.name).glob(f"*{self.live.stream}*")).open("ab") as file:
                file.write(b"\x01" + self.live.codes.to_bytes(2, "big")[:1] + torn[:2])
            self.live.size += 2 + len(torn[:2])
        if self.writer is not None:
            self.writer, self.live.growing = None, False
        self.queue = [e for e in self.queue if e.codes]  # killed before its first packet: nothing was said
        self.dropped -= self.spool.dropped
        self.spool = reopened(self.spool, self.limit)
        self.make_room()

    def grow(self, codes: int) -> None:
        assert self.writer is not None
        self.live.size = self.writer.bytes_written
        self.live.codes += codes
        self.make_room()

    def make_room(self) -> None:
        while sum(-(-e.size // BLOCK) for e in self.queue) * BLOCK > self.limit:
            self.queue.pop(0)
            self.dropped += 1

    @invariant()
    def nothing_is_lost_below_the_limit_and_all_is_counted_above(self) -> None:
        if hasattr(self, "spool"):
            assert self.spool.dropped == self.dropped
            assert self.spool.size <= self.limit

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            self.folder.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_a_growing_stream_is_followed_packet_by_packet(spool: Spool) -> None:
    async def listen() -> list[bytes]:
        utterance = await spool.head()
        return [data async for data in utterance.follow()]

    async def both() -> tuple[list[bytes], Utterance]:
        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        return await asyncio.gather(listening, asyncio.to_thread(write, spool, 55))

    (header, *packets), utterance = asyncio.run(asyncio.wait_for(both(), 10))
    assert header == utterance.header == HEADER.to_bytes()
    assert packets == utterance.packets
    assert len(packets) == 7


def test_a_damaged_file_is_set_aside_by_name_and_the_next_one_comes(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third, last = (write(spool, codes) for codes in (10, 20, 30, 40))
    paths = {u: next(tmp_path.glob(f"*{u.stream}*")) for u in (first, second, third)}
    flipped = bytearray(paths[first].read_bytes())
    flipped[40] ^= 1
    paths[first].write_bytes(flipped)
    paths[second].write_bytes(bytes(100))
    paths[third].write_bytes(paths[third].read_bytes() + b"more")
    spool = reopened(spool)
    assert take(spool).stream == last.stream
    assert spool.spoiled == 3
    for path in paths.values():
        assert path.with_name(path.name + ".bad").exists()
        assert path.name in caplog.text
    spool.close()


def test_files_set_aside_are_the_first_to_go(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2 * BLOCK)
    spool.set_aside(write(spool, 10), "the cloud does not know the codebook")
    kept = [write(spool, 10), write(spool, 20)]
    assert (len(spool), spool.dropped, spool.spoiled) == (2, 0, 1)
    assert not list(tmp_path.glob("*.bad"))
    assert take(spool).stream == kept[0].stream
    spool.close()


def test_foreign_files_are_left_alone(spool: Spool, tmp_path: Path) -> None:
    names = ["notes.txt", "x.edgy", "1.edgy", "a.b.text.edgy", "1.b.loud.edgy", "1.b.pseudonym.a.b.edgy"]
    for name in names:
        (tmp_path / name).write_text("mine")
    spool = reopened(spool)
    assert len(spool) == 0
    assert all((tmp_path / name).read_text() == "mine" for name in names)
    spool.close()


def test_a_full_disk_keeps_streams_in_memory_and_says_so_once(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel itself refuses: files may grow to 100 bytes, so that some packets fit and one is torn."""
    caplog.set_level("INFO")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        lost = [write(spool, 60), write(spool, 70)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("*.edgy"))
    assert caplog.text.count("refuses") == 1
    kept = write(spool, 80)
    for utterance in (*lost, kept):
        head = take(spool)
        assert len(read_stream(data_of(head)).codes) == utterance.codes
        spool.done(head)
    assert "takes streams again" in caplog.text


def test_a_disk_that_cannot_even_begin_a_file(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        utterance = write(spool, 30)
    assert take(spool) is utterance


def test_what_the_disk_refuses_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, 3 * BLOCK)
    monkeypatch.setattr(os, "write", lambda file, data: 0)
    utterances = [write(spool, 10) for _ in range(5)]
    assert (len(spool), spool.dropped) == (3, 2)
    assert utterances[0].dropped
    monkeypatch.undo()
    spool.close()


def test_two_nodes_cannot_share_a_spool(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="another node"):
        Spool(tmp_path, 1 << 20)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot use"):
        Spool(tmp_path / "file", 1 << 20)
