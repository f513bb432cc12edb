from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import MissingDependencyError
from evaluation import deep as module
from evaluation.deep import deep
from tests.conftest import harmonic_voice


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, whisper_arrays: dict[str, np.ndarray]) -> None:
    """Whisper's encoder with few random weights, padded to its width."""
    from edgy_tf.train import teacher

    monkeypatch.setattr(teacher, "load_teacher", lambda: whisper_arrays)
    monkeypatch.setattr(module, "WIDTH", 128)


def test_rows_are_of_the_clip_alone(small: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    voices = [harmonic_voice(rng, pitch, 1.3) for pitch in (110, 220)]
    rows = deep([*voices, voices[0] / 4, np.zeros(300, np.float32), np.zeros(4000, np.int16)], tmp_path)
    assert rows.shape == (5, 256)
    assert np.isfinite(rows[[0, 1, 2, 4]]).all()
    assert np.isnan(rows[3]).all()
    # Level is no feature; the voice is.
    assert np.abs(rows[2] - rows[0]).max() < 0.02
    assert np.abs(rows[1] - rows[0]).max() > 0.1
    np.testing.assert_array_equal(deep(voices[1:], tmp_path / "new"), rows[1:2])


def test_what_is_cached_needs_no_network(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = harmonic_voice(np.random.default_rng(1), 150, 0.5)
    once = deep([clip], tmp_path)

    def missing() -> None:
        raise MissingDependencyError("no Whisper; run: pip install it")

    monkeypatch.setattr(module, "_encoder", missing)
    np.testing.assert_array_equal(deep([clip], tmp_path), once)
    with pytest.raises(MissingDependencyError, match="pip install"):
        deep([clip / 2], tmp_path)
