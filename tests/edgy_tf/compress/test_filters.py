"""Filters are removed as if they had never been there."""

from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.compress.filters import remove_filters, score
from edgy_tf.errors import ModelError
from edgy_tf.models.encoder import build_encoder
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from edgy_tf.weights import variables_of

CODES = 3


def _network(preset: Preset) -> Network:
    """Random weights, and statistics that are not those of the start."""
    rng, arrays = np.random.default_rng(0), variables_of(build_encoder(preset))
    for name, value in arrays.items():
        arrays[name] = (
            rng.uniform(0.5, 1.5, value.shape) if "norm" in name else rng.standard_normal(value.shape)
        ).astype(np.float32)
    return Network(preset, arrays | {"quantizer/codebook": np.eye(4, dtype=np.float32), "mel_head/bias": np.ones(3)})


def _latents(network: Network) -> np.ndarray:
    mels = (2, network.preset.frames_for(CODES), network.preset.front_end.mels)
    return np.asarray(network.encoder()(np.random.default_rng(1).random(mels, np.float32)))


@pytest.fixture(scope="module", params=["residual", "plain", "aligned", "depthwise"])
def network(tiny: Preset, request: pytest.FixtureRequest) -> Network:
    cfg, kind = tiny.encoder, request.param
    layers = tuple(replace(layer, depthwise=kind == "depthwise") for layer in cfg.layers)
    return _network(
        replace(tiny, encoder=replace(cfg, residual=kind != "plain", aligned=kind == "aligned", layers=layers))
    )


@pytest.mark.parametrize("criterion", ["l1", "l2"])
def test_removing_filters_that_give_nothing_changes_nothing(network: Network, criterion: str) -> None:
    silent = dict(network.arrays)
    residual = network.preset.encoder.residual
    for i, dead in enumerate(([1, 6], [0, 3], [0, 3] if residual else [2, 7]), start=1):
        for name in (f"conv{i}/kernel", f"norm{i}/gamma", f"norm{i}/beta"):
            silent[name] = silent[name].copy()
            silent[name][..., dead] = 0
    whole = network.with_encoder(silent)
    smaller = remove_filters(whole, criterion, 0.25)
    assert smaller.preset.encoder.units == 6
    np.testing.assert_allclose(_latents(smaller), _latents(whole), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("criterion", ["l1", "l2", "gm"])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
def test_what_is_left_is_a_narrower_network_of_the_same_codes(network: Network, criterion: str, rate: float) -> None:
    smaller = remove_filters(network, criterion, rate)
    assert smaller.preset.encoder.units == round(8 * (1 - rate))
    assert _latents(smaller).shape == _latents(network).shape
    assert smaller.codebook_id == network.codebook_id
    assert set(smaller.arrays) == set(network.arrays)


def test_layers_that_a_sum_joins_lose_the_same_filters(tiny: Preset) -> None:
    network = _network(tiny)
    # Each layer's filters by themselves would be others: the sum decides.
    arrays = dict(network.arrays)
    for name, scale in {"conv2/kernel": np.linspace(1, 3, 8), "conv3/kernel": np.linspace(30, 1, 8)}.items():
        arrays[name] = np.broadcast_to(scale, arrays[name].shape).astype(np.float32)
    smaller = remove_filters(network.with_encoder(arrays), "l1", 0.5)
    kept = [
        [int(np.flatnonzero(network.arrays[f"norm{i}/beta"] == beta)[0]) for beta in smaller.arrays[f"norm{i}/beta"]]
        for i in (2, 3)
    ]
    assert kept[0] == kept[1] == sorted(kept[0])
    assert kept[0] == [0, 1, 2, 3]


def test_the_geometric_median_is_what_the_others_can_stand_for() -> None:
    kernel = np.array([[0.0, 10.0, 10.4, -10.0]], np.float32).reshape(1, 1, 1, 4)
    assert np.argmin(score(kernel, "l1")) == 0
    np.testing.assert_allclose(score(kernel, "gm"), [30.4, 30.4, 31.2, 50.4], rtol=1e-5)
    # Of two alike one is dropped, however large they are.
    twins = np.array([[9.0, 9.0, 1.0, 30.0]], np.float32).reshape(1, 1, 1, 4)
    assert np.argmin(score(twins, "gm")) in (0, 1)
    assert np.argmin(score(twins, "l2")) == 2


def test_as_many_filters_as_mel_bands_are_left(tiny: Preset) -> None:
    # The bands are no channels: the first layer must not begin to add them to what it gives.
    network = _network(replace(tiny, front_end=replace(tiny.front_end, mels=6)))
    narrow = remove_filters(network, "l1", 0.25)
    assert narrow.preset.encoder.units == 6
    assert _latents(narrow).shape == _latents(network).shape
    assert narrow.preset.residuals == network.preset.residuals


def test_no_filter_left_is_refused(network: Network) -> None:
    with pytest.raises(ModelError, match=r"^no filter of 8 would be left; choose a smaller rate$"):
        remove_filters(network, "l1", 0.95)
