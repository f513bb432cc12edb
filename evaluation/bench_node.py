"""Hours of talk through the whole edge node at full speed: does its memory stay flat?

python -m evaluation.bench_node --hours 24

It fails if at the end memory is more than `FLAT` above what it was after the first of 24 parts, or if anything was
dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.errors import EdgyError
from pi_runtime.node.counts import Counts
from pi_runtime.node.gate import SAMPLE_RATE, Gate, Pcm
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.node import Node
from pi_runtime.node.session import Session
from pi_runtime.node.settings import Settings
from pi_runtime.node.sinks import FolderSink
from pi_runtime.node.spool import Spool
from pi_runtime.node.utterance import Utterance

PAUSE_S = 4
PARTS = 24
FLAT = 0.05
"""Share by which memory may grow from the end of the first part to that of the last."""


class _Talk:
    """The recording that ships and a pause, again and again; prints memory and CPU time of the process after each part.

    Attributes:
        memory: bytes of the process after each part.
    """

    live = False

    def __init__(self, hours: float) -> None:
        self._hours = hours
        self.memory: list[int] = []

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        turn = np.concatenate([read_pcm16(SHIPPED.audio), np.zeros(PAUSE_S * SAMPLE_RATE, np.int16)])
        heard, part = 0, self._hours / PARTS
        while heard < self._hours * 3600 * SAMPLE_RATE and not stop.is_set():
            for start in range(0, len(turn), 1600):
                yield turn[start : start + 1600]
            heard += len(turn)
            hours = heard / SAMPLE_RATE / 3600
            if hours >= (len(self.memory) + 1) * part:
                self.memory.append(_resident())
                spent = time.process_time()
                print(f"{hours:5.2f} h of sound: {self.memory[-1] >> 10} KiB, {spent:.0f} s of CPU time", flush=True)


class _Nowhere(FolderSink):
    """Streams that are written and at once removed, so that a day needs no disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    async def deliver(self, utterance: Utterance) -> str:
        await super().deliver(utterance)
        (self._folder / f"{utterance.stream}.edgy").unlink()
        return ""


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main(argv: Sequence[str] | None = None) -> None:
    """Print memory and CPU time of the process after each part of the sound.

    Raises:
        EdgyError: memory grew, or speech was dropped.
    """
    parser = argparse.ArgumentParser(description="Push hours of talk through the edge node.")
    parser.add_argument("--hours", type=float, default=24)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        settings, counts = Settings(state=folder), Counts()
        spool = Spool(settings.folder / "spool", settings.spool_bytes)
        level = ChosenLevel(settings.folder / "level.json", Level("text"), settings.check)
        sink = _Nowhere(settings.folder / "streams")
        talk = _Talk(args.hours)
        node = Node(talk, Gate(settings.gate), Session(settings), level, spool, sink, counts)
        asyncio.run(node.run())
        print(f"{counts.delivered} streams, {counts.seconds_sent / 3600:.2f} h of speech, {spool.dropped} dropped")
    if spool.dropped:
        raise EdgyError(f"{spool.dropped} streams were dropped")
    if talk.memory[-1] > (1 + FLAT) * talk.memory[0]:
        raise EdgyError(f"memory grew by {talk.memory[-1] / talk.memory[0] - 1:.1%} from the first part on")


if __name__ == "__main__":
    try:
        main()
    except EdgyError as error:
        sys.exit(f"bench_node: {error}")
