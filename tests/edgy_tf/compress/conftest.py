"""A lesson of seconds: the tiny network and the tones."""

from pathlib import Path

import numpy as np
import pytest

from edgy_tf.compress.distil import Lesson
from edgy_tf.corpora import load, open_corpus, to_float32
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from edgy_tf.train.loop import split


@pytest.fixture(scope="session")
def teacher(tiny_release: Path) -> Network:
    return Network.load(find_release(str(tiny_release)).network)


@pytest.fixture(scope="session")
def lesson(teacher: Network, tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    speech = split(open_corpus(tones), teacher.preset.front_end, tmp_path_factory.mktemp("work"), seed=0)
    return Lesson(teacher, *speech, seed=0)


@pytest.fixture(scope="session")
def calibration(teacher: Network, tones: Path) -> list[np.ndarray]:
    return [encoder_input(to_float32(pcm), teacher.preset) for _, pcm in load(open_corpus(tones).select(split="train"))]
