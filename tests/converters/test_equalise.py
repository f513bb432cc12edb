"""Channels get more equal ranges, and nobody can tell by the latents."""

from collections.abc import Callable

import numpy as np
import pytest

from converters.equalise import _ranges, equalised
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from tests.converters.conftest import KINDS, speech_like


@pytest.fixture
def speech(tiny: Preset) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [speech_like(rng, frames, tiny) for frames in (200, 3, 90)]


@pytest.mark.parametrize("kind", KINDS)
def test_latents_are_the_same(network_of: Callable[[str], Network], kind: str, speech: list[np.ndarray]) -> None:
    network = network_of(kind)
    other = equalised(network, speech)
    assert any(np.any(other.arrays[name] != value) for name, value in network.arrays.items())
    for mel in (speech[0], speech[2]):
        before, after = (np.asarray(n.encoder()(mel[None])) for n in (network, other))
        np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3 * np.abs(before).max())
    assert other.codebook_id == network.codebook_id


def test_ranges_are_more_equal(network_of: Callable[[str], Network], speech: list[np.ndarray]) -> None:
    def spread(network: Network) -> float:
        ranges = [np.sort(r / r.max()) for r in _ranges(network, speech).values()]
        return float(np.mean([np.median(r) for r in ranges]))

    network = network_of("residual")
    assert spread(equalised(network, speech)) > 1.2 * spread(network)


def test_too_little_speech_changes_nothing(network_of: Callable[[str], Network], speech: list[np.ndarray]) -> None:
    network = network_of("residual")
    assert equalised(network, speech[1:2]) is network
