from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.preset import Preset
from edgy_tf.preset_training import Content
from edgy_tf.train.pauses import with_pauses
from tests.edgy_tf.train.recordings import prepared


@pytest.fixture
def hushed(tiny: Preset) -> Preset:
    return replace(tiny, train=replace(tiny.train, content=Content(pause_db=24.0)))


def _sound(levels: Sequence[float], preset: Preset, seed: int = 0) -> np.ndarray:
    """Noise of one level a code, in dB of full scale."""
    noise = np.random.default_rng(seed).standard_normal((len(levels), preset.samples_per_code)).clip(-3, 3)
    noise /= np.sqrt(np.mean(np.square(noise), 1, keepdims=True))
    return np.int16(np.rint(32767 * noise * 10 ** (np.array(levels)[:, None] / 20))).ravel()


SAID, HUSH = -20.0, -60.0


def _speaks(preset: Preset, *recordings: np.ndarray) -> list[int]:
    speaks = with_pauses(prepared(*recordings), preset).speaks
    assert speaks is not None
    return [int(s) for s in speaks]


@pytest.mark.parametrize("gain", [-20.0, 0.0, 10.0])
def test_a_pause_is_quiet_with_its_neighbours_however_loud_the_recording(hushed: Preset, gain: float) -> None:
    levels = [HUSH] * 6 + [SAID] * 5 + [HUSH] + [SAID] * 3 + [HUSH] * 6 + [SAID] * 2 + [HUSH] * 7 + [SAID]
    sound = _sound([level + gain for level in levels], hushed)
    # What borders on speech is no pause, nor is what is as short as the closure of a plosive.
    assert _speaks(hushed, sound) == [0] * 3 + [1] * 23 + [0] + [1] * 4


def test_how_far_around_a_pause_must_be_quiet_is_the_presets(hushed: Preset) -> None:
    sound = _sound([SAID] * 6 + [HUSH] * 5 + [SAID] * 6 + [HUSH] * 2 + [SAID] * 6, hushed)
    near = replace(hushed, train=replace(hushed.train, content=Content(pause_db=24.0, pause_around=1)))
    assert _speaks(near, sound) == [1] * 7 + [0] * 3 + [1] * 15
    each = replace(hushed, train=replace(hushed.train, content=Content(pause_db=24.0, pause_around=0)))
    assert _speaks(each, sound) == [1] * 6 + [0] * 5 + [1] * 6 + [0] * 2 + [1] * 6


def test_each_utterance_is_measured_by_its_own_level(hushed: Preset) -> None:
    loud, soft = (_sound([said] * 6 + [hush] * 6, hushed) for said, hush in ((-10, -40), (-40, -70)))
    assert _speaks(hushed, loud, soft) == ([1] * 9 + [0] * 3) * 2


def test_less_than_asked_for_is_no_pause(hushed: Preset) -> None:
    sound = _sound([SAID] * 6 + [SAID - 20] * 6, hushed)
    assert _speaks(hushed, sound) == [1] * 12
    deep = replace(hushed, train=replace(hushed.train, content=Content(pause_db=10.0)))
    assert _speaks(deep, sound) == [1] * 9 + [0] * 3


def test_utterances_of_any_length_are_told(hushed: Preset) -> None:
    step = hushed.samples_per_code
    odd = [_sound([SAID] * 3, hushed)[: 2 * step + 200], np.zeros(0, np.int16), np.zeros(5 * step, np.int16)]
    data = prepared(*odd)
    assert len(_speaks(hushed, *odd)) == data.code_bounds(hushed.stride)[-1]
