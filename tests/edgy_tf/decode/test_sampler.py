"""The compiled sampler draws from the distribution that training computes."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.decode.sampler import FOLD, OVERLAP, Folds, WaveSampler
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.models.wavernn import WaveRNN
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from edgy_tf.weights import assign_variables


@pytest.fixture(scope="module")
def network(tiny_release: Path) -> Network:
    return Network.load(find_release(str(tiny_release)).network)


def test_every_draw_is_the_inverse_of_the_networks_own_distribution(network: Network) -> None:
    preset, rng = network.preset, np.random.default_rng(0)
    frames, batch, size = 4, 3, 2**preset.decoder.bits
    conditioning = rng.normal(size=(batch, frames, 2 * preset.decoder.conditioning)).astype(np.float32)
    noise = rng.random((frames * preset.front_end.hop, batch), np.float32)
    classes = WaveSampler(preset, network.arrays).draw(conditioning, noise).numpy()

    reference = WaveRNN(preset, name="wavernn")
    reference.build((None, None), (None, None, conditioning.shape[-1]))
    assign_variables(reference, network.arrays)
    silence = np.full((batch, preset.decoder.bunch), mulaw_encode(0.0, preset.decoder.bits))
    logits = reference(np.concatenate([silence, classes], 1), conditioning)
    cumulated = np.cumsum(tf.nn.softmax(tf.cast(logits, tf.float64)).numpy(), -1)
    padded = np.concatenate([np.zeros((*classes.shape, 1)), cumulated], -1)
    below = np.take_along_axis(padded, classes[..., None], -1)[..., 0]
    above = np.take_along_axis(padded, classes[..., None] + 1, -1)[..., 0]
    assert np.all(below <= noise.T + 1e-4)
    assert np.all(above + 1e-4 >= noise.T)
    assert len(np.unique(classes)) > size / 4, "a test of draws needs draws that differ"


def test_equal_seeds_give_equal_speech_and_others_do_not(network: Network) -> None:
    sampler = WaveSampler(network.preset, network.arrays)
    conditioning = np.random.default_rng(1).normal(size=(30, 2 * network.preset.decoder.conditioning))
    first = sampler.sample(conditioning.astype(np.float32), seed=3)
    assert len(first) == 30 * network.preset.front_end.hop
    np.testing.assert_array_equal(first, sampler.sample(conditioning.astype(np.float32), seed=3))
    assert np.any(first != sampler.sample(conditioning.astype(np.float32), seed=4))


@given(frames=st.integers(1, 20 * FOLD))
def test_folds_give_back_what_they_cut(frames: int) -> None:
    """Where every fold says the same of a moment, joining them changes nothing."""
    folds = Folds(frames)
    signal = np.arange(frames, dtype=np.float32)[:, None]
    cut = folds.cut(signal)
    assert cut.shape == (len(folds.starts), FOLD + OVERLAP, 1)
    hop = 4
    joined = folds.join(np.repeat(cut[..., 0], hop, axis=1), hop)
    np.testing.assert_allclose(joined, np.repeat(signal[:, 0], hop), rtol=1e-6)
