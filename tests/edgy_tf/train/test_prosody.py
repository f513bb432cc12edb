"""How somebody speaks, measured on tones whose pitch, melody, dynamics and effort are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.models.adversary import LEVELS, PROSODY
from edgy_tf.train import prosody as module
from edgy_tf.train.prepared import Prepared
from edgy_tf.train.prosody import prosody, with_prosody
from tests.edgy_tf.train.recordings import prepared


def _voice(pitch: float = 150.0, vibrato: float = 0.0, swell_db: float = 0.0, slope: float = 1.0) -> np.ndarray:
    """Two seconds of harmonics; vibrato in octaves to each side, a swell in dB, and how fast harmonics get softer."""
    t = np.arange(32000) / 16000
    height = pitch * 2 ** (vibrato * np.sin(2 * np.pi * 3 * t))
    phase = 2 * np.pi * np.cumsum(height) / 16000
    sound = sum(np.sin(k * phase) / k**slope for k in range(1, 20))
    level = 10 ** (swell_db / 20 * np.sin(2 * np.pi * t))
    return (2000 * sound * level).clip(-32768, 32767).astype(np.int16)


def _told(name: str, **voice: float) -> float:
    return float(prosody(_voice(**voice))[PROSODY.index(name)])


@pytest.mark.parametrize("pitch", [90.0, 150.0, 330.0])
def test_the_pitch_is_heard_in_octaves(pitch: float) -> None:
    assert _told("pitch", pitch=pitch) == pytest.approx(np.log2(pitch), abs=0.05)


def test_each_is_told_by_what_makes_it_and_by_nothing_else() -> None:
    plain = prosody(_voice())
    makers = {
        "pitch": {"pitch": 250.0},
        "melody": {"vibrato": 0.3},
        "dynamics": {"swell_db": 6.0},
        "effort": {"slope": 0.6},
    }
    least = {"pitch": 0.5, "melody": 0.2, "dynamics": 2.0, "effort": 3.0}
    for name, change in makers.items():
        moved = dict(zip(PROSODY, prosody(_voice(**change)) - plain, strict=True))
        assert moved[name] > least[name], name
        # A higher voice has fewer harmonics below 1 kHz, so its spectrum is another one in truth.
        others = set(PROSODY) - {name} - ({"effort"} if name == "pitch" else set())
        assert all(abs(moved[other]) < least[other] / 2 for other in others), (name, moved)


def test_what_is_too_short_or_silent_tells_nothing() -> None:
    assert np.isnan(prosody(_voice()[:6000])).all()
    assert np.isnan(prosody(np.zeros(32000, np.int16))).all()
    assert np.isnan(prosody(np.zeros(0, np.int16))).all()


@pytest.fixture
def spoken() -> Prepared:
    signals = [_voice(pitch=90.0 + 10 * i) for i in range(8)] + [np.zeros(3200, np.int16)]
    return prepared(*signals)


def test_levels_share_out_the_training_speech(spoken: Prepared, tmp_path: Path) -> None:
    higher = replace(spoken, pcm=np.concatenate([_voice(pitch=400.0)] * 8 + [spoken.pcm[-3200:]]))
    training, validation = with_prosody(spoken, higher, tmp_path)
    assert training.prosody is not None
    assert validation.prosody is not None
    pitch = PROSODY.index("pitch")
    np.testing.assert_array_equal(training.prosody[:, pitch], [1, 1, 2, 2, 3, 3, 4, 4, 0])
    # Where held-out voices lie is told by the levels of those who are trained on.
    np.testing.assert_array_equal(validation.prosody[:, pitch], [LEVELS] * 8 + [0])


def test_what_was_measured_is_kept(spoken: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = with_prosody(spoken, spoken, tmp_path)
    monkeypatch.setattr(module, "prosody", None)
    again, _ = with_prosody(spoken, spoken, tmp_path)
    assert first.prosody is not None
    assert again.prosody is not None
    np.testing.assert_array_equal(first.prosody, again.prosody)
