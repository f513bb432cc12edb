import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from edgy_tf.models.another_voice import CURVES
from edgy_tf.models.vqvae import VQVAE, reversed_gradient
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Content, Phase
from edgy_tf.weights import assign_variables, variables_of
from edgy_tf.whisper_base import END, PROMPT, ZERO

SPEAKERS = 3
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


def _step(model: VQVAE, batch: dict[str, np.ndarray]) -> tuple[dict[str, float], dict[str, float | None]]:
    """Losses of a batch in training, and the largest gradient of every trainable variable."""
    with tf.GradientTape() as tape:
        losses = model(batch, training=True)
        total = model.compute_loss(y_pred=losses)
    gradients = tape.gradient(total, [v.value for v in model.trainable_variables])
    names = [v.path for v in model.trainable_variables]
    return (
        {name: float(value) for name, value in losses.items()} | {"total": float(total)},
        {n: None if g is None else float(tf.reduce_max(tf.abs(g))) for n, g in zip(names, gradients, strict=True)},
    )


@pytest.fixture(scope="module")
def small(tiny: Preset) -> Preset:
    """Frames of a few samples."""
    return replace(tiny, front_end=replace(tiny.front_end, hop=16))


@pytest.fixture(scope="module")
def model(small: Preset) -> VQVAE:
    keras.utils.set_random_seed(0)
    model = VQVAE(small, SPEAKERS, MEL)
    # Start the codebook.
    _step(model, _batch(small, MEL))
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
    losses, gradients = _step(begin(MEL), _batch(small, MEL))
    assert losses.keys() == {"mel", "commitment", "perplexity", "total"}
    assert losses["total"] == pytest.approx(losses["mel"] + losses["commitment"], rel=1e-5)
    assert np.isfinite(list(losses.values())).all()
    assert not [name for name in gradients if "wavernn" in name]
    assert all(gradients.values()), gradients
    for part in ("conv1", "latent", "speaker", "conditioning", "mel_head"):
        assert [name for name in gradients if part in name], part


def test_a_wave_phase_trains_everything(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    losses, gradients = _step(begin(WAVE), _batch(small, WAVE))
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
    _step(model, _batch(small, MEL, seed=1))
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


def test_the_wave_is_conditioned_on_the_codes_it_lies_in(small: Preset) -> None:
    # Of codes 0 to 4 the WaveRNN is unrolled over the third.
    model = VQVAE(replace(small, train=replace(small.train, phases=(WAVE,))), SPEAKERS, WAVE)
    batch = _batch(small, WAVE)
    given = {}

    def spy(wave: Any, conditioning: Any) -> Any:
        given["frames"] = np.asarray(conditioning)
        return tf.zeros((*wave[:, small.decoder.bunch :].shape, 2**small.decoder.bits))

    model.wavernn = spy
    assert "mel" not in model(batch)
    latents = model.encoder(batch["mel"])
    context = model.conditioning(model.quantizer(latents)[0], model.voices(batch["speaker"]))
    np.testing.assert_array_equal(given["frames"], context[:, 2 * small.stride : 3 * small.stride])


def test_the_voice_matters(small: Preset, begin: Callable[[Phase], VQVAE]) -> None:
    model, batch = begin(MEL), _batch(small, MEL)
    other = batch | {"speaker": (batch["speaker"] + 1) % SPEAKERS}
    assert float(model(batch)["mel"]) != float(model(other)["mel"])


CONTENT = Phase("content", steps=1, codes=5, batch=2, judged=2)


@pytest.fixture(scope="module")
def started(tiny: Preset, whisper_arrays: dict[str, np.ndarray]) -> tuple[VQVAE, dict[str, np.ndarray]]:
    """A network in its content phase, its codebook started, and a batch for it."""
    preset = replace(tiny, train=replace(tiny.train, phases=(CONTENT,), content=Content(units=7, prosody=0.1)))
    keras.utils.set_random_seed(0)
    model = VQVAE(preset, SPEAKERS, CONTENT, whisper_arrays)
    rng = np.random.default_rng(0)
    shape = (CONTENT.batch, preset.samples_for(CONTENT.codes))
    batch = {
        "pcm": rng.normal(0, 3000, shape).astype(np.int16),
        "heard": rng.normal(0, 3000, shape).astype(np.int16),
        "change": rng.uniform(-0.3, 0.3, (CONTENT.batch, 3 + CURVES)).astype(np.float32),
        "speaker": np.array([1, 2], np.int32),
        "gender": np.array([1, 2], np.int32),
        "prosody": np.array([[1, 2, 3, 4], [4, 3, 2, 0]], np.int32),
        "units": rng.integers(1, 8, (CONTENT.batch, CONTENT.codes * preset.stride // 2)).astype(np.int32),
    }
    _step(model, batch)  # Starts the codebook.
    return model, batch


@pytest.fixture
def content(started: tuple[VQVAE, dict[str, np.ndarray]]) -> Iterator[tuple[VQVAE, dict[str, np.ndarray]]]:
    """The same, as it was started whatever a test does to it."""
    model, batch = started
    preset, arrays = model.preset, variables_of(model)
    model.begin(CONTENT)
    yield model, batch
    model.preset = preset
    assign_variables(model, arrays)


def test_a_content_phase_trains_all_but_teacher_and_wavernn(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    losses, gradients = _step(model, batch)
    assert np.isfinite(list(losses.values())).all()
    terms = [losses[n] for n in ("mel", "text", "words", "units", "commitment", "who", "gender", "prosody")]
    assert losses["total"] == pytest.approx(sum(terms), rel=1e-5)
    heads = ("mel_head", "text_head", "unit_head", "adversary", "prosody")
    for part in ("conv1", "latent", "conditioning", "speaker", *heads):
        assert any(value for name, value in gradients.items() if part in name), part
    assert not [name for name in gradients if name.startswith(("teacher", "wavernn"))]


def test_a_frozen_content_phase_trains_all_that_decodes(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    model.begin(replace(CONTENT, freeze=True))
    codes = np.zeros((CONTENT.batch, CONTENT.codes), np.int32)
    before = model.quantizer.codebook.numpy()
    losses, gradients = _step(model, {n: batch[n] for n in ("pcm", "speaker", "gender", "units")} | {"codes": codes})
    assert losses.keys() - {"total"} == {"mel", "text", "words", "units"}
    for part in ("conditioning", "mel_head", "text_head", "unit_head", "speaker"):
        assert any(value for name, value in gradients.items() if part in name), part
    assert not [
        name for name in gradients if name.startswith(("encoder", "adversary", "prosody", "teacher", "wavernn"))
    ]
    np.testing.assert_array_equal(model.quantizer.codebook.numpy(), before)


def test_of_crops_that_are_changed_the_codes_are_those_of_what_is_heard(
    content: tuple[VQVAE, dict[str, np.ndarray]],
) -> None:
    model, batch = content
    model.begin(replace(CONTENT, freeze=True))
    heard = np.asarray(model.quantizer.nearest(model.encoder(model._mel(batch["heard"], batch["change"]))), np.int32)
    clean = (heard + 1) % model.preset.codebook.size
    given = {n: batch[n] for n in ("pcm", "speaker", "gender", "units")}
    some = np.arange(CONTENT.batch) % 2 == 0

    def text(**more: np.ndarray) -> float:
        return float(model(given | more, training=True)["text"])

    changed = {n: batch[n] for n in ("heard", "change")} | {"codes": clean, "changed": some}
    assert text(**changed) == pytest.approx(text(codes=np.where(some[:, None], heard, clean)), rel=1e-6)
    assert text(**changed) != pytest.approx(text(codes=clean), rel=1e-6)


def test_only_training_hears_noise_on_the_latents(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    model.begin(replace(CONTENT, latent_noise=10.0))
    far = batch | {"latent_noise": np.full((CONTENT.batch, CONTENT.codes, model.preset.codebook.dim), 10, np.float32)}
    quiet = float(model(batch, training=False)["commitment"])
    assert float(model(far, training=False)["commitment"]) == quiet
    assert float(model(far, training=True)["commitment"]) > 10 * quiet


def test_pauses_have_one_code_where_the_preset_asks_for_it_and_only_in_training(
    content: tuple[VQVAE, dict[str, np.ndarray]],
) -> None:
    model, batch = content
    train = model.preset.train
    silent = batch | {"speaks": np.zeros((CONTENT.batch, CONTENT.codes), np.int8)}
    unasked = model(silent, training=True)
    assert float(unasked["perplexity"]) > 1.1
    assert "pauses" not in unasked
    model.preset = replace(model.preset, train=replace(train, content=replace(train.content, pause_db=24.0)))
    assert float(model(silent, training=True)["perplexity"]) == pytest.approx(1, abs=1e-3)
    loud = batch | {"speaks": np.ones((CONTENT.batch, CONTENT.codes), np.int8)}
    hushed, said = model(silent, training=False), model(loud, training=False)
    assert float(hushed["perplexity"]) == float(said["perplexity"])
    # How well pauses are told is a term of its own, of held-out speech, too.
    assert float(hushed["pauses"]) != float(said["pauses"])
    total = float(model.compute_loss(y_pred=hushed)) - float(model.compute_loss(y_pred=said))
    assert total == pytest.approx(float(hushed["pauses"]) - float(said["pauses"]), rel=1e-3)


def test_units_that_nobody_knows_are_not_asked_for(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    assert float(model(batch | {"units": np.zeros_like(batch["units"])}, training=True)["units"]) == 0


def test_the_words_alone_may_form_the_codes(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    """Without its share of the mel's gradient the encoder does not see what the mel head wants."""

    model, batch = content
    train = model.preset.train

    def encoder_gradients(**content: float) -> dict[str, float]:
        model.preset = replace(model.preset, train=replace(train, content=Content(**content)))
        with tf.GradientTape(persistent=True) as tape:
            losses = model(batch, training=True)
        kernel = model.encoder.get_layer("conv1").kernel.value
        gradients = {
            n: tape.gradient(losses[n], kernel) for n in ("mel", "text", "words", "units", "gender", "prosody")
        }
        return {n: 0.0 if g is None else float(tf.reduce_max(tf.abs(g))) for n, g in gradients.items()}

    alone = encoder_gradients(mel_gradient=0.0, text_gradient=0.0, adversary=0.0)
    assert alone["mel"] == alone["text"] == alone["gender"] == alone["prosody"] == 0
    assert min(alone["words"], alone["units"]) > 0
    together = encoder_gradients(mel_gradient=1.0, text_gradient=1.0, adversary=0.5, prosody=0.5)
    assert min(together.values()) > 0


def test_the_recogniser_judges_what_is_spoken_where_it_is_asked(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    train = model.preset.train

    def words(**content: float) -> tuple[float, float]:
        model.preset = replace(model.preset, train=replace(train, content=replace(train.content, **content)))
        with tf.GradientTape() as tape:
            loss = model(batch, training=True)["words"]
        gradient = tape.gradient(loss, model.mel_head.kernel.value)
        return float(loss), 0.0 if gradient is None else float(tf.reduce_max(tf.abs(gradient)))

    read, unasked = words(speech_words=0.0)
    both, asked = words(speech_words=0.5)
    assert unasked == 0 < asked
    assert words(words=0.0, speech_words=0.5)[0] == pytest.approx(both - read, rel=1e-4)


def test_the_adversarys_gradient_comes_back_reversed() -> None:
    x = tf.constant([1.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = reversed_gradient(x, 0.25)
    np.testing.assert_allclose(y, x)
    np.testing.assert_allclose(tape.gradient(y, x), [-0.25, -0.25])


def test_what_is_unknown_of_someone_is_not_held_against_anybody(
    content: tuple[VQVAE, dict[str, np.ndarray]],
) -> None:
    model, batch = content
    unknown = {name: np.zeros_like(batch[name]) for name in ("gender", "speaker", "prosody")}
    losses = model(batch | unknown, training=True)
    assert float(losses["gender"]) == float(losses["who"]) == float(losses["prosody"]) == 0


@pytest.fixture(scope="module")
def spelled(tiny: Preset, whole_whisper_arrays: dict[str, np.ndarray]) -> tuple[VQVAE, dict[str, np.ndarray]]:
    """A network whose pages are spelled, and a batch with one that ends after 20 of its 24 frames."""
    phase = replace(CONTENT, judged=0, spelled=1)
    preset = replace(tiny, train=replace(tiny.train, phases=(phase,), content=Content(adversary=0.0)))
    keras.utils.set_random_seed(0)
    model = VQVAE(preset, SPEAKERS, phase, reader=whole_whisper_arrays)
    rng = np.random.default_rng(0)
    shape = (phase.batch, preset.samples_for(phase.codes))
    batch = {
        "pcm": rng.normal(0, 3000, shape).astype(np.int16),
        "heard": rng.normal(0, 3000, shape).astype(np.int16),
        "change": np.zeros((phase.batch, 3 + CURVES), np.float32),
        "speaker": np.array([1, 2], np.int32),
        "gender": np.array([1, 2], np.int32),
        "page": rng.normal(0, 3000, (1, preset.samples_for(24 // preset.stride))).astype(np.int16),
        "page_change": np.zeros((1, 3 + CURVES), np.float32),
        "page_frames": np.array([20], np.int32),
        "tokens": np.array([[*PROMPT, ZERO, 7, 8, ZERO + 10, END]], np.int32),
    }
    _step(model, batch)
    return model, batch


def test_what_is_spelled_teaches_encoder_and_text_head_and_not_the_recogniser(
    spelled: tuple[VQVAE, dict[str, np.ndarray]],
) -> None:
    model, batch = spelled
    losses, gradients = _step(model, batch)
    assert losses["spelling"] > 0
    assert not [name for name in gradients if name.startswith(("spelling", "wavernn"))]
    with tf.GradientTape() as tape:
        loss = model(batch, training=True)["spelling"]
    weights = [model.encoder.get_layer("conv1").kernel.value, model.text_head.kernel.value, model.mel_head.kernel.value]
    encoder, text, mel = tape.gradient(loss, weights)
    assert min(float(tf.reduce_max(tf.abs(g))) for g in (encoder, text)) > 0
    assert mel is None


def test_after_its_end_a_page_is_silent(spelled: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = spelled
    other = batch["page"].copy()
    # The last code sees nothing of the codes that count.
    other[:, -model.preset.samples_per_code // 2 :] = 0
    later, earlier = batch | {"page": other}, batch | {"page_frames": np.array([18], np.int32)}
    loss = float(model(batch, training=False)["spelling"])
    assert float(model(later, training=False)["spelling"]) == pytest.approx(loss, rel=1e-6)
    assert float(model(earlier, training=False)["spelling"]) != pytest.approx(loss, rel=1e-6)
