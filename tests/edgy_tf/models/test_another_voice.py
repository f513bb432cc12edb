import numpy as np
import pytest

from edgy_tf.frontend.spectra import magnitudes
from edgy_tf.models.another_voice import CURVES, another_voice
from edgy_tf.preset import load_preset
from tests.conftest import RATE

FRONT_END = load_preset("pi").front_end
HERTZ = RATE / FRONT_END.n_fft
PITCH, FORMANT = 200.0, 1000.0


def _spectra() -> np.ndarray:
    """A steady vowel: harmonics of one pitch under one formant."""
    t = np.arange(RATE) / RATE
    harmonics = PITCH * np.arange(1, 35)
    vowel = sum(np.exp(-(((h - FORMANT) / 500) ** 2)) * np.sin(2 * np.pi * h * t) for h in harmonics)
    samples = (vowel + 1e-3 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    return np.asarray(magnitudes(samples[None], FRONT_END))


def _change(pitch: float = 0, formants: float = 0, gain: float = 0, curve: float = 0) -> np.ndarray:
    return np.array([[pitch, formants, gain, curve] + [0] * (CURVES - 1)], np.float32)


def _spacing(spectra: np.ndarray) -> float:
    """Hertz between the harmonics, by the autocorrelation of the log spectrum around the formant."""
    log = np.log(spectra[0, 50, : int(2000 / HERTZ)] + 1e-4)
    # Interpolated, because harmonics lie some six bins apart.
    fine = np.interp(np.arange(0, len(log), 0.1), np.arange(len(log)), log - log.mean())
    lags = np.arange(int(10 * 80 / HERTZ), int(10 * 450 / HERTZ))
    scores = [np.dot(fine[:-lag], fine[lag:]) / (len(fine) - lag) for lag in lags]
    return float(lags[int(np.argmax(scores))] / 10 * HERTZ)


def _centre(spectra: np.ndarray) -> float:
    """The formant: centre of mass of the power."""
    power = np.square(spectra[0, 50])
    return float((power * np.arange(len(power))).sum() / power.sum() * HERTZ)


def test_no_change_is_none() -> None:
    spectra = _spectra()
    np.testing.assert_allclose(another_voice(spectra, _change()), spectra, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("octaves", [-0.4, 0.4])
def test_the_pitch_moves_and_the_formant_stays(octaves: float) -> None:
    moved = np.asarray(another_voice(_spectra(), _change(pitch=octaves)))
    assert _spacing(moved) == pytest.approx(PITCH * 2**octaves, rel=0.08)
    assert _centre(moved) == pytest.approx(FORMANT, rel=0.1)


@pytest.mark.parametrize("octaves", [-0.3, 0.3])
def test_the_formant_moves_and_the_pitch_stays(octaves: float) -> None:
    moved = np.asarray(another_voice(_spectra(), _change(formants=octaves)))
    assert _centre(moved) == pytest.approx(FORMANT * 2**octaves, rel=0.1)
    assert _spacing(moved) == pytest.approx(PITCH, rel=0.08)


def test_gain_and_equaliser_are_decibels() -> None:
    spectra = _spectra()
    np.testing.assert_allclose(another_voice(spectra, _change(gain=20)), 10 * spectra, rtol=1e-2, atol=1e-4)
    ratio = np.asarray(another_voice(spectra, _change(curve=6))) / spectra
    # The first curve runs from +1 to -1 over the frequency axis.
    assert 20 * np.log10(np.median(ratio[..., 1])) == pytest.approx(6, abs=0.2)
    assert 20 * np.log10(np.median(ratio[..., -2])) == pytest.approx(-6, abs=0.2)


def test_each_crop_changes_by_itself() -> None:
    both = np.repeat(_spectra(), 2, axis=0)
    moved = np.asarray(another_voice(both, np.concatenate([_change(), _change(pitch=0.4)])))
    np.testing.assert_allclose(moved[0], both[0], rtol=1e-3, atol=1e-5)
    assert np.abs(moved[1] - both[1]).max() > 1
