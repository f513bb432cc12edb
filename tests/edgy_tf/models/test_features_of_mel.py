import numpy as np
import pytest

from edgy_tf.corpora import read_pcm16, to_float32
from edgy_tf.demo import SHIPPED
from edgy_tf.frontend import log_mel
from edgy_tf.models.whisper import WINDOW, features_of_mel, whisper_features
from edgy_tf.preset import FrontEnd, load_preset


def _heard(mel: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    return np.asarray(features_of_mel(mel[None], front_end)[0])


@pytest.mark.parametrize("name", ["pi", "reference"])
def test_a_recogniser_hears_about_what_it_hears_of_the_sound(name: str) -> None:
    speech = to_float32(read_pcm16(SHIPPED.audio))
    front_end = load_preset(name).front_end
    ours = _heard(log_mel(speech, front_end), front_end)
    theirs = np.asarray(whisper_features(np.pad(speech, WINDOW // 2)[None]))[0]
    count = min(len(ours), len(theirs))
    assert np.corrcoef(ours[:count].ravel(), theirs[:count].ravel())[0, 1] > 0.93
    assert np.abs(ours[:count] - theirs[:count]).mean() < 0.12


def test_level_and_silence() -> None:
    front_end = load_preset("pi").front_end
    mel = np.random.default_rng(0).uniform(0.3, 1, (50, 80)).astype(np.float32)
    louder = _heard(mel + np.float32(20 / 70), front_end) - _heard(mel, front_end)
    # 20 dB are two orders of magnitude of power, and Whisper's features count them by four.
    np.testing.assert_allclose(louder, 0.5, atol=1e-3)
    assert np.isfinite(_heard(np.zeros((5, 80), np.float32), front_end)).all()
    assert _heard(np.zeros((0, 80), np.float32), front_end).shape == (0, 80)
