"""Vocal tracts: where formants go, and that nothing else does."""

import numpy as np
import pytest

from edgy_tf.decode import Decoder, Voice
from edgy_tf.decode.voice import in_tract
from edgy_tf.frontend import mel_filters
from edgy_tf.preset import load_preset

FRONT_END = load_preset("pi").front_end
# Where each filter hears, by its mass: computed otherwise than what is tested.
_FILTERS = mel_filters(FRONT_END)
CENTRES = _FILTERS @ np.linspace(0, 8000, _FILTERS.shape[1]) / _FILTERS.sum(1)


def _formant(hertz: float) -> np.ndarray:
    """Log-mel ``[1, mels]`` with one formant, some bands wide."""
    return np.exp(-0.5 * np.square(np.log(CENTRES / hertz) / 0.1))[None].astype(np.float32)


@pytest.mark.parametrize("tract", [0.84, 0.9, 1.1, 1.19])
@pytest.mark.parametrize("hertz", [500, 1500, 3000])
def test_a_longer_tract_has_lower_formants(tract: float, hertz: float) -> None:
    there = in_tract(_formant(hertz), tract, FRONT_END)
    assert CENTRES[there.argmax()] == pytest.approx(hertz / tract, rel=0.05)
    assert there.max() == pytest.approx(1, abs=0.1)
    assert there.shape == (1, FRONT_END.mels)


def test_silence_stays_silence_and_an_equal_tract_changes_nothing() -> None:
    mel = np.random.default_rng(0).random((7, FRONT_END.mels)).astype(np.float32)
    np.testing.assert_array_equal(in_tract(mel, 1.0, FRONT_END), mel)
    np.testing.assert_allclose(in_tract(np.full_like(mel, 0.25), 1.17, FRONT_END), 0.25, rtol=1e-5)


def test_there_and_back_is_nearly_where_it_was() -> None:
    back = in_tract(in_tract(_formant(1000), 1.15, FRONT_END), 1 / 1.15, FRONT_END)
    assert np.abs(back - _formant(1000)).max() < 0.1


def test_griffin_and_lim_speak_with_a_tract_and_a_wavernn_without(decoder: Decoder) -> None:
    codes, plain = np.arange(16), decoder.voice("F1")
    longer = Voice(plain.embedding, 1.2)
    expected = in_tract(decoder.mel(codes, plain), 1.2, decoder.network.preset.front_end)
    np.testing.assert_allclose(decoder.mel(codes, longer), expected, rtol=1e-5)
    spoken = [decoder.decode(codes, voice, vocoder="griffin-lim") for voice in (plain, longer)]
    assert spoken[0].shape == spoken[1].shape
    assert np.abs(spoken[0] - spoken[1]).max() > 1e-3
    drawn = [decoder.decode(codes, voice, vocoder="wavernn") for voice in (plain, longer)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
