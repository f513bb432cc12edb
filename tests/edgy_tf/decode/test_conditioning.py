"""The compiled conditioning computes what the one that was trained does."""

import numpy as np
import pytest

from edgy_tf.decode import Decoder


@pytest.mark.parametrize("count", [1, 7])
def test_it_is_that_of_the_network(count: int, decoder: Decoder) -> None:
    rng = np.random.default_rng(0)
    codes, voice = rng.integers(0, 16, count), decoder.voice("F1")
    trained = decoder.mel_graph(decoder.network.codebook[codes][None], voice.embedding[None])
    np.testing.assert_allclose(decoder.mel(codes, voice), np.asarray(trained)[0], rtol=1e-4, atol=1e-5)
