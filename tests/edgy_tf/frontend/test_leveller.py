"""Speech at one level, whatever it was recorded at, and silence in its pauses."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.frontend import Leveller, as_heard, encoder_input
from edgy_tf.frontend.leveller import TARGET
from edgy_tf.preset import load_preset

PRESET = load_preset("pi")
HOP = PRESET.front_end.hop
LEVELLED = replace(PRESET, encoder=replace(PRESET.encoder, levelled=True))
SECOND = 16000

Floats = npt.NDArray[np.float32]


def _talk(seconds: float, level_db: float, noise_db: float = -90.0, seed: int = 0) -> Floats:
    """Syllables, four a second, each as loud as ``level_db`` at most; and noise all the time."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SECOND)) / SECOND
    voice = np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * 150 * t) * np.abs(np.sin(2 * np.pi * 2 * t))
    return (voice + 10 ** (noise_db / 20) * rng.standard_normal(len(t))).astype(np.float32)


def _noise(seconds: float, level_db: float) -> Floats:
    return _talk(seconds, -200.0, level_db)


def _loudest(audio: Floats) -> float:
    """Level that one frame in twenty exceeds, in dBFS."""
    power = np.square(audio[: len(audio) // 160 * 160].reshape(-1, 160)).mean(1)
    return float(10 * np.log10(np.quantile(power, 0.95) + 1e-10))


def _heard(audio: Floats) -> Floats:
    return as_heard(audio, LEVELLED)


@given(st.lists(st.integers(0, 700), max_size=40))
@settings(max_examples=50, deadline=None)
def test_any_chunking_gives_the_same_samples(sizes: list[int]) -> None:
    audio = np.concatenate([_talk(0.4, -30, -60), _noise(0.3, -80), _talk(0.3, -12, -60)])
    leveller = Leveller(HOP)
    ends = np.minimum(np.cumsum([0, *sizes]), len(audio))
    chunks = [audio[a:b] for a, b in zip(ends, [*ends[1:], len(audio)], strict=True)]
    np.testing.assert_array_equal(np.concatenate([leveller.process(chunk) for chunk in chunks]), _heard(audio))


@pytest.mark.parametrize("level_db", [-55.0, -40.0, -26.0, -12.0, -6.0])
def test_speech_of_any_loudness_comes_to_one_level(level_db: float) -> None:
    assert _loudest(_heard(_talk(10, level_db))[6 * SECOND :]) == pytest.approx(TARGET, abs=2)


def test_what_is_sent_of_soft_and_of_loud_speech_is_the_same() -> None:
    """After a second hardly anything tells how loud it was, though it was ten times as loud."""
    soft, loud = (encoder_input(_talk(6, level_db, level_db - 60), LEVELLED)[150:] for level_db in (-36.0, -16.0))
    plain = [encoder_input(_talk(6, level_db, level_db - 60), PRESET)[150:] for level_db in (-36.0, -16.0)]
    assert np.abs(soft - loud).mean() < 0.1 * np.abs(plain[0] - plain[1]).mean()


def test_pauses_are_silent_and_soft_sounds_are_not() -> None:
    talk = _talk(3, -20)
    after = len(talk) + SECOND // 5  # The hold is over.
    hushed = _heard(np.concatenate([talk, _noise(2, -75)]))[after:]
    assert not hushed.any()
    soft = _heard(np.concatenate([talk, _noise(2, -50)]))[after:]
    assert (soft != 0).mean() > 0.99


@pytest.mark.parametrize("noise_db", [-60.0, -45.0, -40.0])
def test_a_room_is_not_made_loud_before_the_first_word(noise_db: float) -> None:
    room = _noise(10, noise_db)
    assert _loudest(_heard(room)) - _loudest(room) < 12


def test_a_pause_does_not_become_loud() -> None:
    """Noise is not taken for speech while one waits: a minute later it is as it was, and so are the first words."""
    talk, pause = _talk(3, -20), _noise(60, -52)
    heard = _heard(np.concatenate([talk, pause, talk]))
    first, last = heard[len(talk) : len(talk) + SECOND], heard[-len(talk) - SECOND : -len(talk)]
    assert _loudest(last) - _loudest(first) < 7
    assert _loudest(heard[-len(talk) :]) == pytest.approx(TARGET, abs=3)


def test_nothing_of_the_first_words_is_lost() -> None:
    for level_db in (-55.0, -30.0, -6.0):
        assert (_heard(_talk(1, level_db)) != 0).mean() > 0.98


def test_who_speaks_after_a_bang_is_heard() -> None:
    bang = 0.9 * np.sign(_noise(0.05, -1))
    heard = _heard(np.concatenate([_talk(2, -40), bang.astype(np.float32), _talk(6, -40)]))
    assert (heard[-4 * SECOND :] != 0).mean() > 0.95
    assert _loudest(heard[-2 * SECOND :]) > TARGET - 10


def test_full_scale_and_silence_stay_what_they_are() -> None:
    rng = np.random.default_rng(0)
    loud = _heard(rng.choice([-1.0, 1.0], SECOND).astype(np.float32))
    assert np.isfinite(loud).all()
    assert np.abs(loud).max() <= 1
    assert not _heard(np.zeros(SECOND, np.float32)).any()
    assert _heard(np.zeros(0, np.float32)).shape == (0,)


def test_streams_side_by_side_do_not_meet() -> None:
    streams = np.stack([_talk(1, -40), _talk(1, -10, -40, 1), np.zeros(SECOND, np.float32)])
    np.testing.assert_array_equal(_heard(streams), [_heard(stream) for stream in streams])


def test_after_a_reset_it_is_another_stream() -> None:
    leveller = Leveller(HOP)
    leveller.process(_talk(1.003, -6))
    leveller.reset()
    np.testing.assert_array_equal(leveller.process(_talk(1, -30)), _heard(_talk(1, -30)))


def test_only_an_encoder_that_is_levelled_hears_so() -> None:
    audio = _talk(1, -40)
    np.testing.assert_array_equal(as_heard(audio, PRESET), audio)
