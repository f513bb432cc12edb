"""The compiled sampler draws from the distribution that training computes."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.decode.batch import Piece
from edgy_tf.decode.sampler import FOLD, OVERLAP, Folds, WaveSampler
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.models.wavernn import WaveRNN
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from edgy_tf.weights import assign_variables


@pytest.fixture(scope="module")
def network(tiny_release: Path) -> Network:
    return Network.load(find_release(str(tiny_release)).network)


def heard(network: Network, frames: int) -> np.ndarray:
    """Some conditioning ``[frames, C]``."""
    shape = (frames, 2 * network.preset.decoder.conditioning)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_every_draw_is_the_inverse_of_the_networks_own_distribution(network: Network) -> None:
    preset, rng = network.preset, np.random.default_rng(0)
    cfg, hop, frames, rows = preset.decoder, preset.front_end.hop, 4, 3
    conditioning = rng.normal(size=(rows, frames, 2 * cfg.conditioning)).astype(np.float32)
    noise = rng.random((rows, frames, hop), np.float32)
    sampler = WaveSampler(preset, network.arrays)
    pieces = [Piece(sampler.row(), c, n) for c, n in zip(conditioning, noise, strict=True)]
    sampler.batch.draw(pieces)
    classes = np.stack([piece.classes.reshape(-1) for piece in pieces]).astype(int)

    reference = WaveRNN(preset, name="wavernn")
    reference.build((None, None), (None, None, conditioning.shape[-1]))
    assign_variables(reference, network.arrays)
    silence = np.full((rows, cfg.bunch), mulaw_encode(0.0, cfg.bits))
    logits = reference(np.concatenate([silence, classes], 1), conditioning)
    cumulated = np.cumsum(tf.nn.softmax(tf.cast(logits, tf.float64)).numpy(), -1)
    padded = np.concatenate([np.zeros((*classes.shape, 1)), cumulated], -1)
    below = np.take_along_axis(padded, classes[..., None], -1)[..., 0]
    above = np.take_along_axis(padded, classes[..., None] + 1, -1)[..., 0]
    uniform = noise.reshape(rows, -1)
    assert np.all(below <= uniform + 1e-5)
    assert np.all(above + 1e-5 >= uniform)
    assert len(np.unique(classes)) > 2**cfg.bits / 4, "a test of draws needs draws that differ"


def test_a_row_goes_on_where_it_was(network: Network) -> None:
    sampler = WaveSampler(network.preset, network.arrays)
    conditioning = heard(network, 20)
    row, rng = sampler.row(), np.random.default_rng(5)
    pieces = [sampler.extend(row, part, rng) for part in np.split(conditioning, [7, 8, 8, 15])]
    whole = sampler.extend(sampler.row(), conditioning, np.random.default_rng(5))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert len(np.unique(whole)) > 10


def test_equal_seeds_give_equal_speech_and_others_do_not(network: Network) -> None:
    sampler, conditioning = WaveSampler(network.preset, network.arrays), heard(network, 70)
    first = sampler.sample(conditioning, seed=3)
    assert len(first) == 70 * network.preset.front_end.hop
    np.testing.assert_array_equal(first, sampler.sample(conditioning, seed=3))
    assert np.any(first != sampler.sample(conditioning, seed=4))


@given(frames=st.integers(1, 20 * FOLD))
def test_folds_give_back_what_they_cut(frames: int) -> None:
    """Where every fold says the same of a moment, joining them changes nothing."""
    folds = Folds(frames)
    signal = np.arange(frames, dtype=np.float32)[:, None]
    cut = np.stack(list(folds.cut(signal)))
    assert cut.shape == (len(folds.starts), FOLD + OVERLAP, 1)
    hop = 4
    joined = folds.join(np.repeat(cut[..., 0], hop, axis=1), hop)
    np.testing.assert_allclose(joined, np.repeat(signal[:, 0], hop), rtol=1e-6)
