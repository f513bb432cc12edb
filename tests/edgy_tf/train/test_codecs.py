"""Speech as lossy codecs leave it."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from edgy_tf.corpora import read_audio
from edgy_tf.train.codecs import in_codecs

RATE = 16000


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Crops ``[12, 1 second]`` of the recording that ships, one after the other."""
    recording = read_audio(str(files("edgy_tf") / "demo" / "recording.flac"))
    return np.stack([recording[i * 7000 :][:RATE] for i in range(12)])


def test_a_share_of_the_crops_is_heard_through_a_codec_and_the_others_as_they_are(speech: np.ndarray) -> None:
    crops = np.concatenate([speech] * 4)
    same = np.all(in_codecs(crops, 0.5, RATE, np.random.default_rng(0)) == crops, 1)
    assert 12 <= same.sum() <= 36
    np.testing.assert_array_equal(in_codecs(crops, 0.0, RATE, np.random.default_rng(0)), crops)


def test_what_a_codec_leaves_is_the_same_speech_at_the_same_time(speech: np.ndarray) -> None:
    heard = in_codecs(speech, 1.0, RATE, np.random.default_rng(1))
    assert (heard.shape, heard.dtype) == (speech.shape, np.float32)
    for before, after in zip(speech, heard, strict=True):
        spectrum = np.fft.rfft(after, 2 * RATE) * np.conj(np.fft.rfft(before, 2 * RATE))
        lag = int(np.argmax(np.fft.irfft(spectrum)))
        assert min(lag, 2 * RATE - lag) <= 2
        lost = np.sum(np.square(after - before)) / np.sum(np.square(before))
        assert 1e-4 < lost < 0.3


def test_some_are_heard_through_a_telephone_and_some_are_not(speech: np.ndarray) -> None:
    def high(sound: np.ndarray) -> np.ndarray:
        spectra = np.square(np.abs(np.fft.rfft(sound)))
        return spectra[:, 5000:].sum(1) / spectra.sum(1)

    heard = in_codecs(speech, 1.0, RATE, np.random.default_rng(2))
    narrow = high(heard) < 0.01 * high(speech)
    assert 0 < narrow.sum() < len(speech)


def test_equal_seeds_make_equal_sound_and_short_crops_are_heard(speech: np.ndarray) -> None:
    first, again = (in_codecs(speech[:, :500], 1.0, RATE, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (12, 500)
