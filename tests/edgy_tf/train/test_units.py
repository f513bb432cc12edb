"""Clusters of what a recogniser hears."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.train import units
from edgy_tf.train.prepared import Prepared
from edgy_tf.train.units import PIECE, UNIT, with_units
from tests.edgy_tf.train.recordings import prepared

RNG = np.random.default_rng(0)
SECONDS = (1, 0, 12, 3)


def _chirps(seconds: float, seed: int) -> np.ndarray:
    """Tones of a tenth of a second, of two heights, in a random order."""
    rng = np.random.default_rng(seed)
    heights = np.repeat(rng.choice([300.0, 2500.0], round(10 * seconds)), 1600)
    return 3000 * np.sin(2 * np.pi * np.cumsum(heights) / 16000)


@pytest.fixture
def spoken() -> tuple[Prepared, Prepared]:
    return prepared(*(_chirps(s, i) for i, s in enumerate(SECONDS))), prepared(_chirps(2, 9))


def test_every_two_frames_have_a_unit(
    spoken: tuple[Prepared, Prepared], whisper_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    training, validation = with_units(*spoken, whisper_arrays, 6, tmp_path)
    assert training.units is not None
    assert validation.units is not None
    assert len(training.units) == training.code_bounds(UNIT)[-1] == sum(SECONDS) * 50 > 2 * PIECE
    assert len(validation.units) == 100
    assert set(training.units) == {1, 2, 3, 4, 5, 6}
    assert set(validation.units) <= set(training.units)


def test_units_follow_what_is_heard(
    spoken: tuple[Prepared, Prepared], whisper_arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """The same sound at another time, behind another utterance, is the same sequence of units."""
    training, _ = spoken
    twice = prepared(training.pcm[:16000], training.pcm[16000:], training.pcm[:16000])
    found, _ = with_units(twice, training, whisper_arrays, 6, tmp_path)
    assert found.units is not None
    np.testing.assert_array_equal(found.units[:50], found.units[-50:])
    assert len(np.unique(found.units[:50])) > 1


def test_units_are_computed_once(
    spoken: tuple[Prepared, Prepared],
    whisper_arrays: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = with_units(*spoken, whisper_arrays, 4, tmp_path)
    monkeypatch.setattr(units, "_units", None)
    again, _ = with_units(*spoken, whisper_arrays, 4, tmp_path)
    assert first.units is not None
    assert again.units is not None
    np.testing.assert_array_equal(first.units, again.units)
    softer = replace(spoken[0], pcm=spoken[0].pcm // 2)
    for training, count in ((spoken[0], 5), (softer, 4)):
        with pytest.raises(TypeError):
            with_units(training, spoken[1], whisper_arrays, count, tmp_path)
