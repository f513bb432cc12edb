"""Sound for the commands."""

from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import write_wav
from tests.conftest import harmonic_voice


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "in.wav"
    write_wav(path, harmonic_voice(np.random.default_rng(7), 140, 1.0))
    return path
