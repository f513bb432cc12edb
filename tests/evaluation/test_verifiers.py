import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from edgy_tf.errors import AudioError, CorpusError, EdgyError, MissingDependencyError, ModelError
from edgy_tf.preset import load_preset
from edgy_tf.weights import variables_of
from evaluation.verifiers import NAMES, SHORTEST, SPEEDS, Trainable, Verifier, kaldi_fbank, open_verifiers
from tests.conftest import harmonic_voice

VOICES = (100, 100, 210, 210)
"""Pitch of four clips of two voices."""


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [harmonic_voice(np.random.default_rng(i), pitch, seconds=2.0) for i, pitch in enumerate(VOICES)]


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Without the graph, which takes longer to build than a few steps take."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def opened(name: str, **about: int) -> Verifier:
    [verifier] = open_verifiers([name], **about)  # type: ignore[arg-type]
    assert verifier.name == name
    return verifier


@pytest.mark.parametrize(("name", "dim"), [("ge2e", 256), ("cam++", 192)])
def test_a_pretrained_verifier_tells_two_voices(
    name: str, dim: int, clips: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = opened(name)
    cache = tmp_path / "made" / "here"
    short, silent = clips[0][: SHORTEST - 1], np.zeros(16000, np.int16)
    # What its detector takes for no speech at all is heard nevertheless.
    hums = [0.3 * np.sin(np.arange(16000) / period) for period in (8, 4)]
    rows = verifier.embed([*clips, short, silent, *hums], cache, total=8)
    assert rows.shape == (8, dim)
    assert rows.dtype == np.float32
    assert np.isnan(rows[4:6]).all()
    assert np.isfinite(rows[[0, 1, 2, 3, 6, 7]]).all()
    assert not np.allclose(rows[6], rows[7], atol=0.01)
    x = rows[:4] / np.linalg.norm(rows[:4], axis=1, keepdims=True)
    alike = x @ x.T
    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max()
    # Cached by content: no process is started, and an entry that was changed is believed.
    monkeypatch.setattr("evaluation.verifiers._open_torch", None)
    np.testing.assert_array_equal(verifier.embed(iter(clips), cache), rows[:4])
    entries = {path: np.load(path) for path in cache.iterdir()}
    assert len(entries) == 8
    [entry] = [path for path, row in entries.items() if np.array_equal(row, rows[0])]
    np.save(entry, rows[0] + 1)
    np.testing.assert_array_equal(verifier.embed([clips[0].copy()], cache), rows[:1] + 1)
    assert verifier.embed([], cache).shape == (0, dim)
    with pytest.raises(AudioError, match="one channel"):
        verifier.embed([np.zeros((2, 9000), np.int16)], cache)


def test_any_tract_takes_back_what_a_system_did_to_it(tmp_path: Path) -> None:
    clip = harmonic_voice(np.random.default_rng(0), 150, seconds=2.0)
    longer = resample_poly(clip, 6, 5).astype(np.float32)  # As from a vocal tract 1.2 times as long.
    verifier, plain = opened("ge2e-any-tract"), opened("ge2e")
    rows = verifier.embed([clip, longer, clip[: SHORTEST - 1]], tmp_path, total=3)
    assert rows.shape == (3, verifier.views * 256)
    assert np.isnan(rows[2]).any()
    of_clip, of_longer = (np.split(row, verifier.views) for row in rows[:2])
    [same] = plain.embed([clip], tmp_path)
    np.testing.assert_array_equal(of_clip[SPEEDS.index(1)], same)
    # At 1.2 times its speed it is the clip again.
    taken_back = of_longer[SPEEDS.index(Fraction(12, 10))]
    assert taken_back @ same > 0.98 * np.linalg.norm(taken_back) * np.linalg.norm(same)
    assert of_longer[SPEEDS.index(1)] @ same < 0.9


@pytest.mark.filterwarnings("ignore:Even though the")
def test_thin_resnet_learns_and_goes_on_learning(clips: list[np.ndarray], tmp_path: Path, eagerly: None) -> None:
    fresh = opened("thin-resnet", steps=2, tuning=1)
    assert isinstance(fresh, Trainable)
    with pytest.raises(ModelError, match="untrained thin-resnet"):
        fresh.embed(clips, tmp_path)
    speakers = ["low", "low", "high", "high"]
    trained = fresh.trained(clips, speakers, tmp_path)
    rows = trained.embed([*clips, clips[0][:100]], tmp_path)
    assert rows.shape == (5, 256)
    np.testing.assert_allclose(np.linalg.norm(rows[:4], axis=1), 1, rtol=1e-5)
    assert np.isnan(rows[4]).all()
    tuned = trained.retrained(clips, speakers, tmp_path)
    assert not np.allclose(tuned.embed(clips, tmp_path), rows[:4], atol=1e-3)
    # Weights are kept by content and settings: these are read, not learned.
    weights = sorted(tmp_path.glob("thin-resnet-*.safetensors"))
    assert len(weights) == 2
    again = fresh.trained([clip.copy() for clip in clips], speakers, tmp_path)
    np.testing.assert_array_equal(again.embed(clips, tmp_path / "anew"), rows[:4])
    assert sorted(tmp_path.glob("thin-resnet-*.safetensors")) == weights
    with pytest.raises(CorpusError, match="two speakers"):
        fresh.trained(clips, ["low"] * 4, tmp_path)


def test_a_checkpoint_needs_no_training(clips: list[np.ndarray], tmp_path: Path) -> None:
    from edgy_tf.models.resnet import build_thin_resnet34
    from edgy_tf.train.speaker import SpeakerCheckpoint

    settings = {"front_end": asdict(load_preset("pi").front_end), "dim": 8}
    SpeakerCheckpoint(settings, 1, 0.5, variables_of(build_thin_resnet34(80, 8)), {}).save(tmp_path)
    [verifier] = open_verifiers(["thin-resnet"], checkpoint=tmp_path)
    assert isinstance(verifier, Trainable)
    assert verifier.trained(clips, list("aabb"), tmp_path) is verifier
    assert verifier.embed(clips[:1], tmp_path).shape == (1, 8)
    with pytest.raises(ModelError, match="no weights"):
        open_verifiers(["thin-resnet"], checkpoint=tmp_path / "missing.safetensors")


def test_filter_bank_is_kaldis() -> None:
    """Against a pure tone, whose energy is known."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    features = kaldi_fbank(tone)
    assert features.shape == (98, 80)
    mel = 1127 * np.log(1 + 1000 / 700)
    low, high = (1127 * np.log(1 + hertz / 700) for hertz in (20, 8000))
    expected = (mel - low) / (high - low) * 81 - 1
    assert abs(features.mean(0).argmax() - expected) <= 0.5
    assert np.ptp(features[:, features.mean(0).argmax()]) < 0.1
    # Twice as loud is four times the energy; no offset matters.
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    np.testing.assert_allclose(kaldi_fbank(2 * noise + 0.1) - kaldi_fbank(noise), np.log(4), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "module"),
    [("ge2e", "resemblyzer"), ("cam++", "torch"), ("ge2e-any-tract", "torch"), ("thin-resnet", "keras")],
)
def test_without_a_package_the_extra_is_named(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf"{re.escape(name)} needs .*{module}; .*verifiers") as error:
        open_verifiers([name])
    assert "\n" not in str(error.value)


def test_there_is_no_other_verifier() -> None:
    with pytest.raises(
        EdgyError, match="no verifier 'x-vector'; choose from ge2e, cam\\+\\+, ge2e-any-tract, thin-resnet"
    ):
        open_verifiers([*NAMES, "x-vector"])
