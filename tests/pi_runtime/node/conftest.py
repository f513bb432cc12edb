"""A cloud, speech with pauses, and settings in a folder of their own."""

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pi_runtime.node.session import Session
from pi_runtime.node.settings import Settings
from tests.conftest import RATE, harmonic_voice
from tests.pi_runtime.node.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud().running() as running:
        yield running


@pytest.fixture
def settings() -> Iterator[Settings]:
    # Not pytest's folder, whose name may be too long for a Unix socket.
    with tempfile.TemporaryDirectory() as folder:
        yield Settings(state=str(Path(folder) / "state"), sink=str(Path(folder) / "out"))


@pytest.fixture(scope="session")
def session() -> Session:
    return Session(Settings())


@pytest.fixture(scope="session")
def silence() -> np.ndarray:
    return np.zeros(RATE * 3 // 2, np.int16)


@pytest.fixture(scope="session")
def phrase() -> np.ndarray:
    """Two seconds of voice: int16 [n]."""
    return (harmonic_voice(np.random.default_rng(3), 140, 2.0) * 20000).astype(np.int16)


@pytest.fixture(scope="session")
def talk(phrase: np.ndarray, silence: np.ndarray) -> np.ndarray:
    """Three phrases with pauses between them, int16 [n]."""
    return np.concatenate([silence, *[phrase, silence] * 3])


def with_cloud(settings: Settings, cloud: Cloud, level: str = "text") -> Settings:
    """The settings of a node that sends to ``cloud``."""
    return dataclasses.replace(settings, sink=cloud.url, level=level)
