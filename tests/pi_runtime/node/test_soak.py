"""Nothing grows over time: neither in the encoder session nor in the node around it."""

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pi_runtime import EdgeEncoder
from pi_runtime.node.session import Session
from pi_runtime.node.settings import Settings
from tests.pi_runtime.node.cloud import Cloud
from tests.pi_runtime.node.conftest import with_cloud
from tests.pi_runtime.node.test_node import Recorded, Run


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_the_encoder_session_keeps_nothing(phrase: np.ndarray) -> None:
    encoder = EdgeEncoder.from_release("pi")

    def minutes(count: int) -> None:
        for _ in range(30 * count):
            for start in range(0, len(phrase), 1600):
                encoder.process(phrase[start : start + 1600])

    minutes(1)
    tracemalloc.start()
    try:
        minutes(1)
        before, resident_before = tracemalloc.get_traced_memory()[0], resident()
        minutes(5)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 10_000
    assert resident() - resident_before < 2 << 20


def test_minutes_through_the_whole_node_at_full_speed(
    settings: Settings, session: Session, cloud: Cloud, talk: np.ndarray, silence: np.ndarray
) -> None:
    run = Run(with_cloud(settings, cloud), session)
    measured: list[int] = []

    def measure() -> None:
        measured.append(resident())

    minutes = [talk, np.tile(silence, 8)] * 5
    script: list[np.ndarray | Exception | Callable[[], object]] = []
    for _ in range(6):
        script += [*minutes, measure]
    asyncio.run(asyncio.wait_for(run.node(Recorded(*script)).run(), 100))
    assert run.counts.seconds_heard > 600
    assert run.counts.delivered == 90
    # The first part fills caches and pools.
    assert max(measured[2:]) - measured[1] < 4 << 20
