"""Filter pruning: select filters and remove them, so that the network is smaller and faster wherever it runs.

Every layer loses equally many filters. So what is left is a network of the same preset with fewer
``encoder.units``, and all that builds, converts, costs and runs a preset takes it as it is. Layers whose outputs meet
in a residual sum lose the same filters; inputs of the next layer, normalisation and depthwise kernels follow. Devices
compute channels by the 8 or 16, so a ``rate`` that leaves a multiple of that is the one that pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import ModelError
from edgy_tf.network import Network

Indices = npt.NDArray[np.int64]


def remove_filters(network: Network, criterion: str, rate: float) -> Network:
    """The network with a share ``rate`` of each encoder layer's filters removed, its decoder and codebook as they were.

    Args:
        network: any.
        criterion: see ``score``; of layers that a residual sum joins, the mean of all, each on its own scale.
        rate: 0 to 1 exclusive.

    Raises:
        ModelError: no filter would be left.
    """
    return keep_filters(network, best_filters(network, criterion, rate))


def best_filters(network: Network, criterion: str, rate: float) -> list[Indices]:
    """Filters that each layer keeps, ascending; arguments as in ``remove_filters``."""
    units = round(network.preset.encoder.units * (1 - rate))
    kept: list[Indices] = []
    for group in network.preset.joined_layers:
        scores = [score(network.arrays[f"conv{i}/kernel"], criterion) for i in group]
        whole = np.mean([s / max(s.mean(), 1e-12) for s in scores], axis=0)
        # A stable order, so that equal scores are told apart the same way everywhere.
        best = np.sort(np.argsort(-whole, kind="stable")[:units])
        kept += [best] * len(group)
    return kept


def keep_filters(network: Network, kept: Sequence[Indices]) -> Network:
    """The network with the filters ``kept`` of each encoder layer alone, equally many of each.

    Raises:
        ModelError: no filter would be left.
    """
    preset, units = network.preset, len(kept[0])
    if not units:
        raise ModelError(f"no filter of {preset.encoder.units} would be left; choose a smaller rate")
    smaller = replace(preset, encoder=replace(preset.encoder, units=units))
    arrays = dict(network.arrays)
    inputs = np.arange(network.preset.front_end.mels)
    for i, outputs in enumerate(kept, start=1):
        if f"depth{i}/kernel" in arrays:
            arrays[f"depth{i}/kernel"] = arrays[f"depth{i}/kernel"][:, :, inputs]
        arrays[f"conv{i}/kernel"] = arrays[f"conv{i}/kernel"][:, :, inputs][..., outputs]
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            arrays[f"norm{i}/{name}"] = arrays[f"norm{i}/{name}"][outputs]
        inputs = outputs
    arrays["latent/kernel"] = arrays["latent/kernel"][:, :, inputs]
    return replace(network, preset=smaller, arrays=arrays)


def score(kernel: npt.NDArray[np.float32], criterion: str) -> npt.NDArray[np.float64]:
    """How much each filter of a kernel ``[..., inputs, filters]`` matters, ``[filters]``.

    Args:
        kernel: of a convolution.
        criterion: ``l1`` or ``l2``, the norm (Li et al. 2017), or ``gm``, the summed distance to all other filters: the
            one that is nearest to the geometric median is the one that the others can stand for (He et al. 2019).
    """
    filters = kernel.reshape(-1, kernel.shape[-1]).T.astype(np.float64)
    if criterion == "l1":
        return np.abs(filters).sum(1)
    squares = np.square(filters).sum(1)
    if criterion == "l2":
        return np.sqrt(squares)
    distances = np.sqrt(np.maximum(0, squares[:, None] + squares - 2 * filters @ filters.T))
    return np.asarray(distances.sum(1))
