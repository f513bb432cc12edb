"""Weights on the grid of int8, rounded together so that each layer gives what it gave.

Rounded one by one, weights err by up to half a step each, and the errors add up. Here the weights of one input after
the other are rounded, and those that are not rounded yet make up for the error, as far as speech shows that inputs go
together (Frantar et al. 2022, GPTQ). The step of each filter is the converter's own, so it finds every weight on its
grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.network import Network

DAMPING = 0.01
"""Added to the variance of each input, as a share of their mean: inputs that speech never moved stay unmoved."""
INT8_STEPS = 127
"""Of its grid on either side of 0."""

Floats = npt.NDArray[np.float64]


class Moments:
    """Means and covariance of two series of vectors ``[n, a]`` and ``[n, b]``, which come piece by piece."""

    def __init__(self) -> None:
        self._count, self._totals, self._products = 0, (np.zeros(()), np.zeros(())), np.zeros(())

    def add(self, first: Floats, second: Floats) -> None:
        """Count another piece of both."""
        self._count += len(first)
        self._totals = self._totals[0] + first.sum(0), self._totals[1] + second.sum(0)
        self._products = self._products + first.T @ second

    @property
    def means(self) -> tuple[Floats, Floats]:
        """``[a]`` and ``[b]``."""
        return self._totals[0] / self._count, self._totals[1] / self._count

    @property
    def covariance(self) -> Floats:
        """``[a, b]``."""
        return self._products / self._count - np.outer(*self.means)


def rounded(network: Network, speech: Sequence[npt.NDArray[np.float32]]) -> Network:
    """A network whose kernels lie on the grid of int8, a step for each filter, with normalisation folded in or not.

    Weights that are 0 stay 0. The outputs' means are kept by the normalisation's shift. Depthwise kernels, which have
    few weights to make up for each other, and the latents, which stay float, are left alone.

    Args:
        network: any.
        speech: log-mel ``[frames, mels]`` each; what is too short for a code is passed over.
    """
    encoder = network.encoder()
    arrays = dict(network.arrays)
    for i, seen in _moments(network, encoder, speech).items():
        norm = encoder.get_layer(f"norm{i}")
        scale = arrays[f"norm{i}/gamma"] / np.sqrt(arrays[f"norm{i}/moving_variance"] + norm.epsilon)
        kernel = arrays[f"conv{i}/kernel"]
        # A filter that normalisation mutes has no grid.
        scale = np.where(np.abs(scale) < 1e-12, 1.0, scale).astype(np.float64)
        folded = kernel.reshape(-1, kernel.shape[-1]) * scale
        on_grid = on_own_grid(folded, seen.covariance)
        arrays[f"conv{i}/kernel"] = (on_grid / scale).reshape(kernel.shape).astype(np.float32)
        shift = seen.means[0] @ (folded - on_grid)
        arrays[f"norm{i}/beta"] = (arrays[f"norm{i}/beta"] + shift).astype(np.float32)
    return network.with_encoder(arrays)


Snap = Callable[[Floats, int], Floats]
"""Of the weights ``[filters]`` of an input, and its number: the values that they may have which are nearest."""


def round_together(weights: Floats, covariance: Floats, snap: Snap) -> Floats:
    """Weights ``[inputs, filters]`` of values that ``snap`` allows, whose outputs differ least.

    Args:
        weights: each filter is settled for itself.
        covariance: of the inputs, ``[inputs, inputs]``, `damped`.
        snap: is asked for one input after the other.
    """
    # Inputs that move most come first, while there are many others to make up for them.
    order = np.argsort(-np.diag(covariance), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(covariance[np.ix_(order, order)])).T
    left, out = weights[order].copy(), np.zeros_like(weights)
    for j, number in enumerate(order):
        out[number] = snap(left[j], int(number))
        error = (left[j] - out[number]) / upper[j, j]
        left[j + 1 :] -= np.outer(upper[j, j + 1 :], error)
    return out


def damped(covariance: Floats) -> Floats:
    """A covariance that can be inverted: inputs that speech never moved stay unmoved."""
    return covariance + DAMPING * max(float(np.mean(np.diag(covariance))), 1e-12) * np.eye(len(covariance))


def on_own_grid(weights: Floats, covariance: Floats) -> Floats:
    """Weights ``[inputs, filters]`` on int8's grid, with the ``covariance`` of the inputs; zeros stay.

    The largest of each filter keeps its value, for the converter tells the grid by it.
    """
    largest = np.abs(weights).max(0)
    step = np.where(largest > 0, largest, 1.0) / INT8_STEPS
    fixed = (weights == 0) | (np.abs(weights) == largest)

    def snap(values: Floats, number: int) -> Floats:
        grid = np.clip(np.rint(values / step), -INT8_STEPS, INT8_STEPS) * step
        return np.where(fixed[number], weights[number], grid)

    return round_together(weights, damped(covariance), snap)


def _moments(network: Network, encoder: Any, speech: Sequence[npt.NDArray[np.float32]]) -> dict[int, Moments]:
    """Of the patches that each ``conv`` sees, by its number."""
    import keras

    names = {f"conv{i}": i for i in range(1, len(network.preset.encoder.layers) + 1)}
    look = keras.Model(encoder.input, {name: encoder.get_layer(name).input for name in names})
    found: dict[int, Moments] = {}
    for mel in speech:
        if len(mel) >= network.preset.receptive_field:
            for name, value in look(mel[None]).items():
                seen = patches(np.asarray(value)[0, 0], encoder.get_layer(name)).astype(np.float64)
                found.setdefault(names[name], Moments()).add(seen, seen)
    return found


def patches(frames: npt.NDArray[np.float32], convolution: Any) -> npt.NDArray[np.float32]:
    """What a convolution's kernel ``[1, k, channels, filters]`` is multiplied with, ``[n, k * channels]``."""
    (_, width), (_, stride), (_, dilation) = (
        convolution.kernel_size,
        convolution.strides,
        convolution.dilation_rate,
    )
    count = (len(frames) - (width - 1) * dilation - 1) // stride + 1
    taps = [frames[j * dilation : j * dilation + (count - 1) * stride + 1 : stride] for j in range(width)]
    return np.concatenate(taps, axis=-1)
