from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.models.quantizer import PAUSE, VectorQuantizer, perplexity
from edgy_tf.preset import CodebookConfig

CONFIG = CodebookConfig(size=16, dim=4, decay=0.9, commitment=0.25, restart_below=0.1)


def _latents(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((*shape, CONFIG.dim)).astype(np.float32)


def _quantizer(config: CodebookConfig = CONFIG, vectors: np.ndarray | None = None) -> VectorQuantizer:
    quantizer = VectorQuantizer(config)
    quantizer.build((None, None, config.dim))
    if vectors is not None:
        quantizer.codebook.assign(vectors)
        quantizer.sums.assign(vectors)
        quantizer.counts.assign(np.ones(config.size))
        quantizer.updates.assign(1)
    return quantizer


def _brute_force(latents: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Equation 1 as it stands, in float64."""
    apart = latents[..., None, :].astype(np.float64) - vectors
    return np.linalg.norm(apart, axis=-1).argmin(-1)


def _state(quantizer: VectorQuantizer) -> list[np.ndarray]:
    return [np.asarray(v) for v in quantizer.variables]


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(2, 64))
@settings(max_examples=50, deadline=None)
def test_a_latent_becomes_the_nearest_code(seed: int, size: int) -> None:
    vectors, latents = _latents(seed, size), 2 * _latents(seed + 1, 3, 10)
    quantizer = _quantizer(replace(CONFIG, size=size), vectors)
    codes = np.asarray(quantizer.nearest(latents))
    assert (codes.dtype, codes.shape) == (np.int32, (3, 10))
    apart = np.linalg.norm(latents[..., None, :].astype(np.float64) - vectors, axis=-1)
    chosen = np.take_along_axis(apart, codes[..., None], -1)[..., 0]
    # Between two codes as near as float32 can tell, either will do.
    np.testing.assert_allclose(chosen, apart.min(-1), atol=1e-5)
    quantised, same, _ = quantizer(latents)
    np.testing.assert_array_equal(same, codes)
    np.testing.assert_allclose(quantised, vectors[codes], atol=1e-6)
    np.testing.assert_array_equal(quantizer.lookup(codes), vectors[codes])


def test_gradients_pass_straight_through() -> None:
    quantizer, latents = _quantizer(vectors=_latents(0, 16)), tf.constant(_latents(1, 2, 5))
    wanted = _latents(2, 2, 5)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        quantised, _, _ = quantizer(latents)
        loss = tf.reduce_sum(quantised * wanted)
    np.testing.assert_array_equal(tape.gradient(loss, latents), wanted)


def test_the_commitment_is_equation_2() -> None:
    quantizer, latents = _quantizer(vectors=_latents(0, 16)), tf.constant(_latents(1, 2, 5))
    with tf.GradientTape() as tape:
        tape.watch(latents)
        _, codes, commitment = quantizer(latents)
    apart = latents.numpy() - _latents(0, 16)[codes.numpy()]
    np.testing.assert_allclose(commitment, CONFIG.commitment * np.mean(apart**2), rtol=1e-6)
    # It pulls the latents to their codes, and never a code to its latents: that is the averages' work.
    np.testing.assert_allclose(
        tape.gradient(commitment, latents), CONFIG.commitment * 2 * apart / apart.size, rtol=1e-5, atol=1e-8
    )


def test_the_codebook_follows_moving_averages() -> None:
    # No code is so rare here that it would be moved.
    config = replace(CONFIG, size=4, restart_below=1e-6)
    vectors = _latents(0, 4)
    sums, counts = vectors.astype(np.float64), np.ones(4)
    quantizer = _quantizer(config, vectors)
    for step in range(5):
        latents = _latents(10 + step, 2, 20)
        flat = latents.reshape(-1, config.dim)
        won = np.eye(4)[_brute_force(flat, sums / counts[:, None])]
        counts = config.decay * counts + (1 - config.decay) * won.sum(0)
        sums = config.decay * sums + (1 - config.decay) * won.T @ flat
        quantised, codes, _ = quantizer(latents, training=True)
        np.testing.assert_allclose(quantizer.codebook, sums / counts[:, None], rtol=1e-4, atol=1e-6)
    # What is handed on is quantised by the codebook as it is now.
    np.testing.assert_array_equal(codes, _brute_force(latents, np.asarray(quantizer.codebook)))
    np.testing.assert_allclose(quantised, np.asarray(quantizer.codebook)[codes], atol=1e-6)


def test_the_codebook_starts_on_latents() -> None:
    quantizer, latents = _quantizer(), _latents(0, 4, 50)
    quantizer(latents, training=True)
    flat = {tuple(row) for row in latents.reshape(-1, CONFIG.dim)}
    started = {tuple(row) for row in np.asarray(quantizer.codebook)}
    assert started <= flat
    assert len(started) == CONFIG.size


PRODUCT = replace(CONFIG, size=12, product=(4, 3), restart_below=1e-6)


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Every vector of the one with every one of the other, the second varying fastest."""
    return np.array([np.concatenate([a, b]) for a in first for b in second])


def test_the_parts_of_a_product_codebook_follow_moving_averages_of_their_own() -> None:
    parts = [_latents(0, 4)[:, :2], _latents(1, 3)[:, 2:]]
    sums, counts = [p.astype(np.float64) for p in parts], [np.ones(4), np.ones(3)]
    quantizer = VectorQuantizer(PRODUCT)
    quantizer.build((None, None, PRODUCT.dim))
    quantizer.codebook.assign(_product(*parts))
    quantizer.sums.assign(np.concatenate(parts))
    quantizer.counts.assign(np.ones(7))
    quantizer.updates.assign(1)
    for step in range(5):
        latents = _latents(10 + step, 2, 20)
        flat = latents.reshape(-1, PRODUCT.dim)
        for i, span in enumerate((flat[:, :2], flat[:, 2:])):
            won = np.eye(len(counts[i]))[_brute_force(span, sums[i] / counts[i][:, None])]
            counts[i] = PRODUCT.decay * counts[i] + (1 - PRODUCT.decay) * won.sum(0)
            sums[i] = PRODUCT.decay * sums[i] + (1 - PRODUCT.decay) * won.T @ span
        quantised, codes, _ = quantizer(latents, training=True)
        vectors = _product(*(s / c[:, None] for s, c in zip(sums, counts, strict=True)))
        np.testing.assert_allclose(quantizer.codebook, vectors, rtol=1e-4, atol=1e-6)
    # What it exports is a codebook like any other.
    np.testing.assert_array_equal(codes, _brute_force(latents, np.asarray(quantizer.codebook)))
    np.testing.assert_allclose(quantised, np.asarray(quantizer.codebook)[codes], atol=1e-6)


def test_the_parts_of_a_product_codebook_start_on_latents_and_stay_a_product() -> None:
    quantizer, latents = VectorQuantizer(replace(PRODUCT, restart_below=0.1)), _latents(0, 4, 50)
    quantizer.build((None, None, PRODUCT.dim))
    flat = latents.reshape(-1, PRODUCT.dim)
    for step in range(4):
        quantizer(latents if not step else _latents(step, 4, 50), training=True)
        table = np.asarray(quantizer.codebook).reshape(4, 3, PRODUCT.dim)
        first, second = table[:, 0, :2], table[0, :, 2:]
        np.testing.assert_array_equal(table.reshape(12, -1), _product(first, second))
        if not step:
            for part, span in ((first, flat[:, :2]), (second, flat[:, 2:])):
                assert {tuple(row) for row in part} <= {tuple(row) for row in span}
                assert len({tuple(row) for row in part}) == len(part)


def test_pauses_have_one_code_whose_vector_follows_them_and_nothing_else_pulls_at_them() -> None:
    vectors, latents = _latents(0, 16), tf.constant(_latents(1, 2, 50))
    pauses = np.zeros((2, 50), bool)
    pauses[:, 10:30] = True
    quantizer = _quantizer(vectors=vectors)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(latents)
        quantised, codes, commitment = quantizer(latents, training=True, pauses=pauses)
        wanted = tf.reduce_sum(quantised * _latents(2, 2, 50))
    codebook = np.asarray(quantizer.codebook)
    assert (codes.numpy()[pauses] == PAUSE).all()
    np.testing.assert_array_equal(codes.numpy()[~pauses], _brute_force(latents.numpy(), codebook)[~pauses])
    np.testing.assert_allclose(quantised.numpy()[pauses], np.broadcast_to(codebook[PAUSE], (40, CONFIG.dim)))
    assert not tape.gradient(wanted, latents).numpy()[pauses].any()
    apart = latents.numpy()[pauses] - codebook[PAUSE]
    pulled = tape.gradient(commitment, latents).numpy()[pauses]
    np.testing.assert_allclose(pulled, CONFIG.commitment * 2 * apart / tf.size(latents).numpy(), rtol=1e-5, atol=1e-8)
    before = _brute_force(latents.numpy(), vectors)
    won = (1 - CONFIG.decay) * latents.numpy()[pauses | (before == PAUSE)]
    mean = (CONFIG.decay * vectors[PAUSE] + won.sum(0)) / (CONFIG.decay + (1 - CONFIG.decay) * len(won))
    np.testing.assert_allclose(codebook[PAUSE], mean, rtol=1e-4, atol=1e-6)


def test_the_loss_of_pauses_is_the_cross_entropy_of_codes_by_nearness() -> None:
    vectors, latents = _latents(0, 16), tf.constant(_latents(1, 2, 5))
    pauses = np.array([[True, False, True, False, False], [False, True, True, False, True]])
    quantizer = _quantizer(vectors=vectors)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        loss = quantizer.pause_loss(latents, pauses)
    nearness = -0.5 * np.sum(np.square(latents.numpy()[..., None, :].astype(np.float64) - vectors), -1)
    likely = (np.exp(nearness) / np.exp(nearness).sum(-1, keepdims=True))[..., PAUSE]
    assert float(loss) == pytest.approx(-np.mean(np.log(np.where(pauses, likely, 1 - likely))), rel=1e-5)
    # A step against its gradient makes pauses more likely where they are, and less likely elsewhere.
    moved = latents.numpy() - 0.01 * tape.gradient(loss, latents).numpy()
    nearer = -0.5 * np.sum(np.square(moved[..., None, :].astype(np.float64) - vectors), -1)
    then = (np.exp(nearer) / np.exp(nearer).sum(-1, keepdims=True))[..., PAUSE]
    np.testing.assert_array_equal(then > likely, pauses)


def test_disagreement_is_the_cross_entropy_of_codes_by_nearness() -> None:
    vectors = np.random.default_rng(1).normal(size=(CONFIG.size, CONFIG.dim)).astype(np.float32)
    quantizer, latents = _quantizer(vectors=vectors), tf.constant(_latents(0, 2, 7))
    codes = np.random.default_rng(2).integers(0, CONFIG.size, (2, 7)).astype(np.int32)
    with tf.GradientTape() as tape:
        tape.watch(latents)
        loss = quantizer.disagreement(latents, codes)
    nearness = -0.5 * np.sum(np.square(latents.numpy()[..., None, :].astype(np.float64) - vectors), -1)
    likely = np.exp(nearness) / np.exp(nearness).sum(-1, keepdims=True)
    own = np.take_along_axis(likely, codes[..., None], -1)
    assert float(loss) == pytest.approx(-np.mean(np.log(own)), rel=1e-5)
    moved = latents.numpy() - 0.1 * tape.gradient(loss, latents).numpy()
    assert float(quantizer.disagreement(moved, codes)) < float(loss)


def test_dead_codes_move_onto_latents_and_perplexity_rises() -> None:
    # Fifteen codes far from every latent: one wins all.
    vectors = np.full((CONFIG.size, CONFIG.dim), 100, np.float32)
    vectors[0] = 0
    quantizer, latents = _quantizer(vectors=vectors), _latents(0, 4, 50)
    before = float(perplexity(quantizer.nearest(latents), CONFIG.size))
    assert before == pytest.approx(1, abs=1e-3)
    # A code is dead after so many steps without a win.
    patience = int(np.ceil(np.log(CONFIG.restart_below) / np.log(CONFIG.decay)))
    for _ in range(patience - 1):
        quantizer(latents, training=True)
    np.testing.assert_allclose(quantizer.codebook[1:], vectors[1:], rtol=1e-5)
    quantizer(latents, training=True)
    flat = {tuple(row) for row in latents.reshape(-1, CONFIG.dim)}
    assert {tuple(row) for row in np.asarray(quantizer.codebook)[1:]} <= flat
    assert float(perplexity(quantizer.nearest(latents), CONFIG.size)) > 8


def test_only_training_changes_it() -> None:
    quantizer = _quantizer(vectors=_latents(0, 16))
    before = _state(quantizer)
    quantizer(_latents(1, 2, 5))
    for old, new in zip(before, _state(quantizer), strict=True):
        np.testing.assert_array_equal(old, new)


def test_equal_latents_make_equal_codebooks() -> None:
    first, second = _quantizer(), _quantizer()
    for step in range(30):
        # Sixteen codes are too many for three latents: some die and move, again and again.
        latents = np.repeat(_latents(step, 3), 4, axis=0)[None]
        first(latents, training=True)
        second(latents, training=True)
    for a, b in zip(_state(first), _state(second), strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isfinite(np.asarray(first.codebook)).all()


def test_half_precision_latents_are_compared_in_single_precision() -> None:
    vectors, latents = _latents(0, 16), tf.cast(_latents(1, 2, 50), tf.bfloat16)
    quantised, codes, commitment = _quantizer(vectors=vectors)(latents)
    np.testing.assert_array_equal(codes, _brute_force(tf.cast(latents, tf.float32).numpy(), vectors))
    assert quantised.dtype == commitment.dtype == tf.float32


@given(uses=st.lists(st.integers(0, 20), min_size=16, max_size=16).filter(any))
@settings(max_examples=25, deadline=None)
def test_perplexity_is_that_of_the_codes_distribution(uses: list[int]) -> None:
    p = np.array(uses)[np.array(uses) > 0] / sum(uses)
    expected = np.exp(-np.sum(p * np.log(p)))
    given = float(perplexity(np.repeat(np.arange(16), uses)[None], 16))
    assert given == pytest.approx(expected, rel=1e-4)
