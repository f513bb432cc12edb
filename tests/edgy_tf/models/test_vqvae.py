import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from edgy_tf.models.vqvae import VQVAE
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Phase
from edgy_tf.weights import variables_of
from tests.edgy_tf.models.steps import SPEAKERS, step

MEL = Phase("mel", steps=1, codes=5, batch=2)
WAVE = Phase("wave", steps=1, codes=5, wave_codes=1, batch=2)
FROZEN = replace(WAVE, freeze=True)
BOOKKEEPING = re.compile(r"loss|nll|mel/|commitment|perplexity")


def _batch(preset: Preset, phase: Phase, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    size, codes, mels = phase.batch, phase.codes, preset.front_end.mels
    span = preset.decoder.bunch + phase.wave_codes * preset.samples_per_code
    return {
        "mel": rng.random((size, preset.frames_for(codes), mels), np.float32),
        "target": rng.random((size, codes * preset.stride, mels), np.float32),
        "wave": rng.integers(0, 2**preset.decoder.bits, (size, span)).astype(np.int32),
        "speaker": rng.integers(0, SPEAKERS, size).astype(np.int32),
        "jitter": np.tile(np.arange(codes, dtype=np.int32), (size, 1)),
    }


@pytest.fixture(scope="module")
def small(tiny: Preset) -> Preset:
    """Frames of a few samples."""
    return replace(tiny, front_end=replace(tiny.front_end, hop=16))


@pytest.fixture(scope="module")
def model(small: Preset) -> VQVAE:
    keras.utils.set_random_seed(0)
    model = VQVAE(small, SPEAKERS, MEL)
    # Start the codebook.
    step(model, _batch(small, MEL))
    return model


@pytest.fixture
def begin(model: VQVAE) -> Callable[[Phase], VQVAE]:
    def begun(phase: Phase) -> VQVAE:
        model.begin(phase)
        return model

    return begun


def _changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    names = {n for n in before if not BOOKKEEPING.match(n)}
    return {n for n in names if not np.array_equal(before[n], after[n])}


def test_a_mel_phase_trains_everything_but_the_wavernn(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    losses, gradients = step(begin(MEL), _batch(small, MEL))
    assert losses.keys() == {"mel", "commitment", "perplexity", "total"}
    assert losses["total"] == pytest.approx(losses["mel"] + losses["commitment"], rel=1e-5)
    assert np.isfinite(list(losses.values())).all()
    assert not [name for name in gradients if "wavernn" in name]
    assert all(gradients.values()), gradients
    for part in ("conv1", "latent", "speaker", "conditioning", "mel_head"):
        assert [name for name in gradients if part in name], part


def test_a_wave_phase_trains_everything(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    losses, gradients = step(begin(WAVE), _batch(small, WAVE))
    assert losses.keys() == {"mel", "nll", "commitment", "perplexity", "total"}
    assert losses["total"] == pytest.approx(losses["mel"] + losses["nll"] + losses["commitment"], rel=1e-5)
    # Nothing is learnt yet: the samples are as good as drawn from all classes.
    assert losses["nll"] == pytest.approx(np.log(2**small.decoder.bits), rel=0.1)
    assert all(gradients.values()), gradients
    for part in ("conv1", "latent", "speaker", "conditioning", "mel_head", "wavernn"):
        assert [name for name in gradients if part in name], part


def test_freezing_trains_the_wavernn_alone(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    model = begin(FROZEN)
    model.compile("adam", run_eagerly=True)
    before = variables_of(model)
    codes = np.tile(np.arange(FROZEN.codes, dtype=np.int32), (FROZEN.batch, 1))
    losses = model.train_on_batch(_batch(small, FROZEN) | {"codes": codes}, return_dict=True)
    assert np.isfinite(list(losses.values())).all()
    changed = _changed(before, variables_of(model))
    parts = (model.encoder, model.quantizer, model.conditioning, model.speaker, model.mel_head)
    assert not changed & {v.path for part in parts for v in part.variables}
    assert [name for name in changed if name.startswith("wavernn")]


def test_training_moves_encoder_statistics_and_codebook(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    model = begin(MEL)
    before = variables_of(model)
    step(model, _batch(small, MEL, seed=1))
    changed = " ".join(_changed(before, variables_of(model)))
    for name in (
        "norm1/moving_mean",
        "norm1/moving_variance",
        "latent_norm/moving_variance",
        "quantizer/codebook",
    ):
        assert name in changed


def test_evaluating_changes_nothing_and_repeats(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    model, batch = begin(WAVE), _batch(small, WAVE)
    before = variables_of(model)
    first, second = model(batch), model(batch)
    assert {n: float(v) for n, v in first.items()} == {n: float(v) for n, v in second.items()}
    assert not _changed(before, variables_of(model))


def test_the_perplexity_is_between_one_and_the_codebooks_size(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    assert 1 <= float(begin(MEL)(_batch(small, MEL))["perplexity"]) <= small.codebook.size


def test_jitter_puts_a_neighbours_latent_in_place(
    small: Preset, begin: Callable[[Phase], VQVAE], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = begin(MEL), _batch(small, MEL)
    # Nothing may move between the calls that are compared.
    model.encoder.trainable = False
    monkeypatch.setattr(model.quantizer, "_update", lambda latents, pauses: None)

    def mel(training: bool, **changes: Any) -> float:
        return float(model(batch | changes, training=training)["mel"])

    steady = mel(training=True)
    swapped = np.minimum(batch["jitter"] + 1, MEL.codes - 1)
    assert mel(training=True, jitter=swapped) != steady
    # Only training jitters.
    assert mel(training=False, jitter=swapped) == pytest.approx(steady)
    # All latents replaced by the first: what is heard of the others no longer matters.
    first = np.zeros_like(batch["jitter"])
    expected = mel(training=True, jitter=first)
    later = batch["mel"].copy()
    later[:, small.receptive_field :] = 0
    assert mel(training=True, jitter=first, mel=later) == pytest.approx(expected)
    assert mel(training=True, mel=later) != pytest.approx(steady)


def test_the_wave_is_conditioned_on_the_codes_it_lies_in(small: Preset, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of codes 0 to 4 the WaveRNN is unrolled over the third.
    model = VQVAE(replace(small, train=replace(small.train, phases=(WAVE,))), SPEAKERS, WAVE)
    batch = _batch(small, WAVE)
    given = {}

    def spy(wave: Any, conditioning: Any) -> Any:
        given["frames"] = np.asarray(conditioning)
        return tf.zeros((*wave[:, small.decoder.bunch :].shape, 2**small.decoder.bits))

    monkeypatch.setattr(model, "wavernn", spy)
    assert "mel" not in model(batch)
    latents = model.encoder(batch["mel"])
    context = model.conditioning(model.quantizer(latents)[0], model.voices(batch["speaker"]))
    np.testing.assert_array_equal(given["frames"], context[:, 2 * small.stride : 3 * small.stride])


def test_the_voice_matters(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    model, batch = begin(MEL), _batch(small, MEL)
    other = batch | {"speaker": (batch["speaker"] + 1) % SPEAKERS}
    assert float(model(batch)["mel"]) != float(model(other)["mel"])
