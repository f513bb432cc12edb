"""McAdams anonymisation: the identity, where formants go, and inputs that break linear prediction."""

import time

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter

from edgy_tf.errors import AudioError
from evaluation.systems.mcadams import mcadams

RATE = 16000
PITCH = 100
FORMANTS = (500.0, 1500.0, 3500.0)
TIME = np.arange(RATE) / RATE
RNG = np.random.default_rng(0)


def vowel() -> npt.NDArray[np.float64]:
    """A second of pulses at 100 Hz, with a little breath, through three sharp resonances."""
    sound = 1e-3 * RNG.standard_normal(RATE)
    sound[:: RATE // PITCH] += 1
    for formant in FORMANTS:
        pole = 0.98 * np.exp(2j * np.pi * formant / RATE)
        sound = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], sound)
    return 0.5 * sound / np.abs(sound).max()


def peak_near(sound: npt.NDArray[np.floating], hertz: float) -> float:
    """The loudest frequency within 300 Hz."""
    power = np.square(np.abs(np.fft.rfft(sound * np.hanning(RATE))))
    first = int(hertz) - 300  # A second of sound: bin k is k Hz.
    return float(first + power[first : first + 601].argmax())


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 320, 1000, RATE])
def test_alpha_one_changes_nothing(samples: int) -> None:
    sound = vowel()[:samples]
    np.testing.assert_allclose(mcadams(sound, 1.0), sound, atol=1e-5 * np.abs(sound).max())


@pytest.mark.parametrize("alpha", [0.8, 0.9, 1.1])
def test_formants_move_to_the_power_alpha_of_their_angle(alpha: float) -> None:
    moved = mcadams(vowel(), alpha)
    for formant in FORMANTS:
        expected = (2 * np.pi * formant / RATE) ** alpha * RATE / (2 * np.pi)
        # The harmonic next to where the formant went, which is never the one next to where it was.
        assert abs(peak_near(moved, expected) - expected) < PITCH / 2 < abs(expected - formant)


SOUNDS = {
    "empty": np.zeros(0),
    "one sample": np.ones(1),
    "silence": np.zeros(5000),
    "constant": np.ones(5000),
    "click": np.eye(1, 5000, 2000)[0],
    "tone": np.sin(2 * np.pi * 440 * TIME),
    "clipped": np.clip(20 * np.sin(2 * np.pi * 200 * TIME), -1, 1),
    "nyquist": (-1.0) ** np.arange(5000),
    "noise": RNG.uniform(-1, 1, 5000),
    "faint": 1e-20 * RNG.standard_normal(5000),
    "coarse": np.round(2 * vowel()) / 2,
}


@pytest.mark.parametrize("alpha", [0.5, 0.8, 1.0, 1.5])
@pytest.mark.parametrize("name", SOUNDS)
def test_any_sound_stays_finite_and_keeps_its_peak(name: str, alpha: float) -> None:
    sound = SOUNDS[name]
    out = mcadams(sound, alpha)
    assert out.shape == sound.shape
    assert out.dtype == np.float32
    assert np.abs(out).max(initial=0) == pytest.approx(np.abs(sound).max(initial=0), rel=1e-5)


def test_it_is_at_least_twenty_times_faster_than_speech() -> None:
    speech = np.tile(vowel(), 5).astype(np.float32)
    took = []
    for _ in range(3):
        start = time.process_time()
        mcadams(speech)
        took.append(time.process_time() - start)
    assert min(took) < 5 / 20


def test_refusals() -> None:
    with pytest.raises(AudioError, match="one channel"):
        mcadams(np.zeros((2, 100)))
    with pytest.raises(AudioError, match="give float"):
        mcadams(np.zeros(100, np.int16))
    with pytest.raises(AudioError, match="NaN"):
        mcadams(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="alpha"):
        mcadams(np.zeros(100), 0)
