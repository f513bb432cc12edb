"""Layer by layer, weights that are left make up for what was done to the others, before anything is learned.

Every layer is fitted to give what it gives in the original, of inputs that the layers before it have changed already
(Frantar et al. 2022, GPTQ; Li et al. 2025, GPTAQ). Near the teacher this is worth more than training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

from converters.rounding import Floats, Moments, damped, patches
from edgy_tf.compress.filters import Indices
from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.weights import assign_variables

SPEECH = 20
"""Utterances that the filters' importance is measured on."""
FAINT = 1e-6
"""Of the importance of a layer's most important filter: less is taken for as much."""


@dataclass(frozen=True)
class Layer:
    """A convolution that is to be settled, with its normalisation folded in.

    Attributes:
        weights: that fit best if any value is allowed, ``[inputs, filters]``.
        zeros: which weights are zero already, of the same shape.
        covariance: of the inputs, ``[inputs, inputs]``, so that it can be inverted.
        importance: what noise of variance 1 in a filter's output costs, as a share of the latents' variance.
    """

    weights: Floats
    zeros: npt.NDArray[np.bool_]
    covariance: Floats
    importance: Floats


Settle = Callable[[Layer], tuple[Floats, Floats]]
"""Of a layer: its weights ``[inputs, filters]``, and the unit of each filter in which they are stored."""


def refitted(
    network: Network,
    original: Network,
    speech: Sequence[npt.NDArray[np.float32]],
    settle: Settle,
    kept: Sequence[Indices] | None = None,
) -> Network:
    """A network whose convolutions, but depthwise ones and the latents, have the weights that ``settle`` chose.

    Args:
        network: is settled, from the first layer to the last.
        original: whose layers' outputs are wanted; if it has another width, those of ``network`` are.
        speech: log-mel ``[frames, mels]`` each; what is too short for a code is passed over.
        settle: is told each layer in turn.
        kept: which filters of each of the original's layers are left; the latents are fitted to these, too.

    Raises:
        ModelError: no speech is long enough.
    """
    if kept is None and original.preset.encoder.units != network.preset.encoder.units:
        original = network
    speech = [mel for mel in speech if len(mel) >= network.preset.receptive_field]
    if not speech:
        raise ModelError("no speech that is long enough for a code; give another corpus")
    matters = importance(original, speech[:SPEECH])
    wanted, encoder = original.encoder(), network.encoder()
    inputs = np.arange(network.preset.front_end.mels)
    every = np.arange(original.preset.encoder.units)
    for i, outputs in enumerate(kept or [every] * len(network.preset.encoder.layers), start=1):
        kernel = network.arrays[f"conv{i}/kernel"]
        weights, bias = _folded(original, wanted, i)
        weights, bias = weights[:, outputs], bias[outputs]
        seen, both = _compare(encoder, wanted, f"conv{i}", speech)
        best, covariance = _best(seen, both, weights, _rows(original.arrays[f"conv{i}/kernel"], inputs))
        zeros = (kernel == 0).reshape(best.shape)
        chosen, unit = settle(Layer(best, zeros, covariance, matters[i][outputs]))
        changed = {
            f"conv{i}/kernel": (chosen / unit).reshape(kernel.shape),
            f"norm{i}/gamma": unit,
            f"norm{i}/beta": bias + both.means[1] @ weights - both.means[0] @ chosen,
            f"norm{i}/moving_mean": np.zeros(len(unit)),
            f"norm{i}/moving_variance": np.full(len(unit), 1 - encoder.get_layer(f"norm{i}").epsilon),
        }
        network, inputs = _with(network, encoder, changed), outputs
    if kept is not None:
        kernel, bias = (original.arrays[f"latent/{name}"].astype(np.float64) for name in ("kernel", "bias"))
        weights, (seen, both) = kernel[0, 0], _compare(encoder, wanted, "latent", speech)
        best, _ = _best(seen, both, weights, inputs)
        bias = bias + both.means[1] @ weights - both.means[0] @ best
        network = _with(network, encoder, {"latent/kernel": best[None, None], "latent/bias": bias})
    return network


def without(layer: Layer, zeros: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """A layer's weights with some at zero, and units in which those are the least that matter least (`Settle`)."""
    matters = np.maximum(layer.importance, FAINT * max(layer.importance.max(), 1e-30))
    weights, wanted = np.zeros_like(layer.weights), layer.covariance @ layer.weights
    for i, left in enumerate(~zeros.T):
        weights[left, i] = np.linalg.solve(layer.covariance[np.ix_(left, left)], wanted[left, i])
    # As large as weights are in a layer that starts to learn, for which learning rates are meant.
    size = np.sqrt(np.mean(np.square(weights) * matters) * len(weights))
    return weights, (size if size > 0 else 1.0) / np.sqrt(matters)


def with_zeros(layer: Layer) -> tuple[Floats, Floats]:
    """A layer's weights as they fit best, with those at zero that are (`Settle`)."""
    return without(layer, layer.zeros)


def importance(network: Network, speech: Sequence[npt.NDArray[np.float32]]) -> dict[int, Floats]:
    """What noise of variance 1 in each normalised output costs, as a share of the latents' variance, by layer.

    The mean square of the gradient of latents that are added up with random signs is the sum over the latents of its
    mean square (Hutchinson 1990).
    """
    encoder = network.encoder(api=tf_keras)
    names = [f"norm{i}" for i in range(1, len(network.preset.encoder.layers) + 1)]
    look = tf_keras.Model(encoder.input, [encoder.output, *(encoder.get_layer(name).output for name in names)])
    rng, squares, latents = np.random.default_rng(0), [np.zeros(())] * len(names), []
    for mel in speech:
        with tf.GradientTape() as tape:
            given = tf.constant(mel[None])
            tape.watch(given)
            z, *outputs = look(given)
            total = tf.reduce_sum(z * rng.choice(np.array([-1, 1], np.float32), z.shape))
        for i, gradient in enumerate(tape.gradient(total, outputs)):
            squares[i] = squares[i] + np.sum(np.square(gradient, dtype=np.float64), (0, 1, 2))
        latents.append(z[0])
    found = np.concatenate(latents, dtype=np.float64)
    variance = float(np.sum(np.var(found, axis=0)))
    return {i: square / (len(found) * variance) for i, square in enumerate(squares, start=1)}


def _best(seen: Moments, both: Moments, weights: Floats, left: Indices) -> tuple[Floats, Floats]:
    """Weights of the inputs ``left`` that give most nearly what ``weights`` gave, and the covariance, `damped`."""
    covariance = damped(seen.covariance)
    start = (covariance - seen.covariance) @ weights[left]
    return np.linalg.solve(covariance, both.covariance @ weights + start), covariance


def _rows(kernel: npt.NDArray[np.float32], inputs: Indices) -> Indices:
    """Where the weights of some inputs lie in a kernel ``[1, k, inputs, filters]`` as a matrix ``[., filters]``."""
    _, taps, channels, _ = kernel.shape
    return np.ravel(channels * np.arange(taps)[:, None] + inputs)


def _with(network: Network, encoder: Any, changed: Mapping[str, Floats]) -> Network:
    """The network with other weights, which its ``encoder`` is given, too."""
    network = network.with_encoder({name: value.astype(np.float32) for name, value in changed.items()})
    assign_variables(encoder, network.arrays)
    return network


def _compare(
    encoder: Any, wanted: Any, name: str, speech: Sequence[npt.NDArray[np.float32]]
) -> tuple[Moments, Moments]:
    """Of what a convolution sees in ``encoder``, and of that with what it sees in ``wanted``."""
    import keras

    looks = [keras.Model(model.input, model.get_layer(name).input) for model in (encoder, wanted)]
    seen, both = Moments(), Moments()
    for mel in speech:
        ours, theirs = (
            patches(np.asarray(look(mel[None]))[0, 0], encoder.get_layer(name)).astype(np.float64) for look in looks
        )
        seen.add(ours, ours)
        both.add(ours, theirs)
    return seen, both


def _folded(network: Network, encoder: Any, i: int) -> tuple[Floats, Floats]:
    """Weights ``[inputs, filters]`` and bias of a convolution with its normalisation."""
    arrays, kernel = network.arrays, network.arrays[f"conv{i}/kernel"]
    deviation = np.sqrt(arrays[f"norm{i}/moving_variance"].astype(np.float64) + encoder.get_layer(f"norm{i}").epsilon)
    scale = arrays[f"norm{i}/gamma"] / deviation
    bias = arrays[f"norm{i}/beta"] - arrays[f"norm{i}/moving_mean"] * scale
    return kernel.reshape(-1, kernel.shape[-1]) * scale, bias
