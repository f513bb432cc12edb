"""Content phases: what is asked of the codes, who asks, and what learns by it."""

from collections.abc import Iterator
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
from tests.edgy_tf.models.steps import SPEAKERS, step

CONTENT = Phase("content", steps=1, codes=5, batch=2, judged=2)


@pytest.fixture(scope="module")
def started(tiny: Preset, whisper_arrays: dict[str, np.ndarray]) -> tuple[VQVAE, dict[str, np.ndarray]]:
    """A network in its content phase, its codebook started, and a batch for it."""
    preset = replace(tiny, train=replace(tiny.train, phases=(CONTENT,), content=Content(units=7, prosody=0.1)))
    keras.utils.set_random_seed(0)
    model = VQVAE(preset, SPEAKERS, CONTENT, whisper_arrays)
    rng = np.random.default_rng(0)
    shape = (CONTENT.batch, preset.samples_for(CONTENT.codes))
    batch: dict[str, np.ndarray] = {
        "pcm": rng.normal(0, 3000, shape).astype(np.int16),
        "heard": rng.normal(0, 3000, shape).astype(np.int16),
        "change": rng.uniform(-0.3, 0.3, (CONTENT.batch, 3 + CURVES)).astype(np.float32),
        "speaker": np.array([1, 2], np.int32),
        "gender": np.array([1, 2], np.int32),
        "prosody": np.array([[1, 2, 3, 4], [4, 3, 2, 0]], np.int32),
        "units": rng.integers(1, 8, (CONTENT.batch, CONTENT.codes * preset.stride // 2)).astype(np.int32),
    }
    step(model, batch)  # Starts the codebook.
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
    losses, gradients = step(model, batch)
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
    losses, gradients = step(model, {n: batch[n] for n in ("pcm", "speaker", "gender", "units")} | {"codes": codes})
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


def test_voices_agree_where_the_preset_asks_for_it(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    train = model.preset.train
    assert "agreement" not in model(batch, training=True)
    model.preset = replace(model.preset, train=replace(train, content=replace(train.content, agreement=0.5)))

    def disagreement(**more: np.ndarray) -> float:
        return float(model(batch | more, training=True)["agreement"])

    # A crop and its neighbour speak in one voice, or in two.
    one, two = np.repeat(batch["change"][:1], CONTENT.batch, 0), batch["change"]
    assert 0 < disagreement(change=one) < disagreement(change=two)
    assert "agreement" not in model(batch, training=False)
    assert np.isfinite(disagreement(heard=np.zeros_like(batch["heard"])))


def test_only_training_withholds_bands(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    train = model.preset.train
    model.preset = replace(model.preset, train=replace(train, content=replace(train.content, masked_mels=4)))
    shape = CONTENT.batch, model.preset.front_end.mels
    deaf, whole = {"mask": np.zeros(shape, np.float32)}, {"mask": np.ones(shape, np.float32)}
    silent, arrays = {"heard": np.zeros_like(batch["heard"])}, variables_of(model)

    def commitment(training: bool, **more: np.ndarray) -> float:
        assign_variables(model, arrays)  # The codebook learns each time.
        return float(model(batch | more, training=training)["commitment"])

    assert commitment(False, **deaf) == commitment(False, **whole)
    assert commitment(True, **deaf) != pytest.approx(commitment(True, **whole), rel=1e-2)
    # Who is withheld everything hears silence.
    assert commitment(True, **deaf) == pytest.approx(commitment(True, **silent, **whole), rel=1e-2)


def test_units_that_nobody_knows_are_not_asked_for(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    model, batch = content
    assert float(model(batch | {"units": np.zeros_like(batch["units"])}, training=True)["units"]) == 0


def test_the_words_alone_may_form_the_codes(content: tuple[VQVAE, dict[str, np.ndarray]]) -> None:
    """Without its share of the mel's gradient the encoder does not see what the mel head wants."""

    model, batch = content
    train = model.preset.train

    def encoder_gradients(**content: Any) -> dict[str, float]:
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

    def words(**content: Any) -> tuple[float, float]:
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
    batch: dict[str, np.ndarray] = {
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
    step(model, batch)
    return model, batch


def test_what_is_spelled_teaches_encoder_and_text_head_and_not_the_recogniser(
    spelled: tuple[VQVAE, dict[str, np.ndarray]],
) -> None:
    model, batch = spelled
    losses, gradients = step(model, batch)
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
