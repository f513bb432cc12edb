"""Equal ranges for the channels of a tensor, so that one scale of 8 bits suits all of them.

A channel that is multiplied before a ReLU can be divided again in the layer behind it: the network computes what it
did (Nagel et al. 2019, cross-layer equalisation). Layers that a residual sum joins share their factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgy_tf.network import Network

SPEECH = 40
"""Utterances that ranges are taken from."""
LEAST = 0.01
"""Range of a channel, as a share of the widest, below which it is not widened any more: it hardly ever speaks."""


def equalised(network: Network, speech: Sequence[npt.NDArray[np.float32]]) -> Network:
    """A network of equal latents, up to rounding, whose channels have more equal ranges.

    Args:
        network: any.
        speech: log-mel ``[frames, mels]`` each; what is too short for a code is passed over.
    """
    preset = network.preset
    if not (widest := _ranges(network, speech)):
        return network
    arrays = dict(network.arrays)
    for group in preset.joined_layers:
        tensors = [widest[name] for i in group for name in (f"relu{i}", f"add{i}") if name in widest]
        factor = 1 / np.maximum(np.max([t / max(t.max(), 1e-12) for t in tensors], axis=0), LEAST)
        for i in group:
            for name in (f"norm{i}/gamma", f"norm{i}/beta"):
                arrays[name] = (arrays[name] * factor).astype(np.float32)
            behind = (f"depth{i + 1}/kernel", f"conv{i + 1}/kernel", "latent/kernel")
            name = next(name for name in behind if name in arrays)
            arrays[name] = (arrays[name] / factor[:, None]).astype(np.float32)
    return replace(network, arrays=arrays)


def _ranges(network: Network, speech: Sequence[npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float32]]:
    """Largest value of each channel after each ReLU and sum, by layer."""
    import keras

    encoder = network.encoder()
    layers = {layer.name: layer.output for layer in encoder.layers if layer.name.startswith(("relu", "add"))}
    look = keras.Model(encoder.input, layers)
    widest: dict[str, npt.NDArray[np.float32]] = {}
    for mel in speech[:SPEECH]:
        if len(mel) >= network.preset.receptive_field:
            for name, value in look(mel[None]).items():
                here = np.asarray(value)[0, 0].max(0)
                widest[name] = np.maximum(widest.get(name, here), here)
    return widest
