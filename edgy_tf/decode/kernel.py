"""A WaveRNN's inner loop as machine code, by Numba: many rows advance side by side, each as if it were alone.

TensorFlow's loop costs more in what is around its small matrix products than in them, and its products of another
batch size round in another way. Here a product keeps one order: every output is summed over the inputs one by one
(fused multiply-adds), whatever rows are beside it, so a row's samples do not depend on its company. Weights lie in
panels of 128 outputs, which stay in the first cache while all rows use them.

Columns that fill up a last panel are zeros and are never read.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int32]

PANEL = 128
"""Outputs of a panel."""
_BLOCK = 16
"""Classes whose probabilities are summed at once."""

# `contract` fuses multiply and add. `nnan` and `nsz` let a maximum be vectorised. Nothing may change the order of sums.
_compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nnan", "nsz"})

_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_EXP = tuple(
    map(np.float32, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
)
_HALF, _ONE, _TWO, _ZERO = np.float32(0.5), np.float32(1), np.float32(2), np.float32(0)
_LARGEST = np.float32(87)


class Weights(NamedTuple):
    """A WaveRNN of H units, a bunch of S, A units in the affine layer and V classes, on conditioning of C numbers.

    Products are in panels ``[panels, inputs, 128]`` (`panels`), biases filled up to them.

    Attributes:
        conditioning: conditioning to gates, C to 3H, and its bias.
        table: what the j-th sample before says to the gates, ``[S, V, 3H]``.
        recurrent: state to gates, H to 3H, and its bias.
        affine1: state to the hidden units of a bunch, H to S * A, and its bias.
        within: what the i-th sample of a bunch says to the hidden units of the j-th, ``[S, S, V, A]``.
        affine2: hidden units to logits, A to V, and its bias.
        classes: V.
    """

    conditioning: Floats
    conditioning_bias: Floats
    table: Floats
    recurrent: Floats
    recurrent_bias: Floats
    affine1: Floats
    affine1_bias: Floats
    within: Floats
    affine2: Floats
    affine2_bias: Floats
    classes: int


def panels(kernel: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """A product ``[inputs, outputs]`` in panels of 128 outputs, and its bias filled up to them."""
    inputs, outputs = kernel.shape
    spare = -outputs % PANEL
    wide = np.pad(kernel, ((0, 0), (0, spare))).astype(np.float32)
    packed = wide.reshape(inputs, -1, PANEL).transpose(1, 0, 2)
    return np.ascontiguousarray(packed), np.pad(bias, (0, spare)).astype(np.float32)


@_compiled
def advance(w: Weights, state: Floats, last: Classes, conditioning: Floats, noise: Floats, classes: Classes) -> None:
    """Draw a mel frame of each of R rows.

    Args:
        w: of the WaveRNN.
        state: of the GRU, ``[R, H]``; changed.
        last: classes of the bunch before, ``[R, S]``; changed.
        conditioning: of the frame, ``[R, C]``.
        noise: uniform in [0, 1), ``[R, hop]``: each sample is the inverse of its distribution there.
        classes: that were drawn, ``[R, hop]``; written.
    """
    rows = state.shape[0]
    size, affine = last.shape[1], w.within.shape[3]
    inputs = np.empty((rows, w.conditioning_bias.size), np.float32)
    gates = np.empty((rows, w.recurrent_bias.size), np.float32)
    hidden = np.empty((rows, w.affine1_bias.size), np.float32)
    heard = np.empty((rows, affine), np.float32)
    logits = np.empty((rows, w.affine2_bias.size), np.float32)
    _product(conditioning, w.conditioning, w.conditioning_bias, inputs)
    for t in range(0, noise.shape[1], size):
        _product(state, w.recurrent, w.recurrent_bias, gates)
        for r in range(rows):
            _gru(gates[r], inputs[r], w.table, last[r], state[r])
        _product(state, w.affine1, w.affine1_bias, hidden)
        for j in range(size):
            for r in range(rows):
                for i in range(affine):
                    heard[r, i] = max(hidden[r, j * affine + i], _ZERO)
            _product(heard, w.affine2, w.affine2_bias, logits)
            for r in range(rows):
                drawn = _draw(logits[r, : w.classes], noise[r, t + j])
                classes[r, t + j] = last[r, j] = drawn
                for later in range(j + 1, size):
                    said = w.within[j, later, drawn]
                    for i in range(affine):
                        hidden[r, later * affine + i] += said[i]


@_compiled
def recur(x: Floats, kernel: Floats, bias: Floats, recurrent: Floats, recurrent_bias: Floats) -> Floats:
    """A GRU over one sequence ``x [T, inputs]``: its states ``[T, H]``.

    Args:
        x: what it hears.
        kernel: inputs to gates, in panels.
        bias: of that product.
        recurrent: state to gates, H to 3H, in panels.
        recurrent_bias: of that product.
    """
    steps, units = x.shape[0], recurrent.shape[1]
    states, inputs = np.zeros((steps, units), np.float32), np.empty((steps, bias.size), np.float32)
    state, gates = np.zeros((1, units), np.float32), np.empty((1, recurrent_bias.size), np.float32)
    _product(x, kernel, bias, inputs)
    for t in range(steps):
        _product(state, recurrent, recurrent_bias, gates)
        _gates(inputs[t], gates[0], state[0])
        states[t] = state[0]
    return states


@_compiled
def _product(x: Floats, kernel: Floats, bias: Floats, out: Floats) -> None:
    """``x [R, inputs]`` times a kernel in panels, plus bias, to ``out [R, panels * 128]``."""
    rows, inputs = x.shape
    whole = inputs // 8 * 8
    for panel in range(kernel.shape[0]):
        w, start = kernel[panel], panel * PANEL
        for r in range(rows):
            for n in range(PANEL):
                out[r, start + n] = bias[start + n]
        # Eight inputs at a time: so often `out` is read and written. Each is added by itself, in their order.
        for k in range(0, whole, 8):
            for r in range(rows):
                a = x[r]
                a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
                a4, a5, a6, a7 = a[k + 4], a[k + 5], a[k + 6], a[k + 7]
                for n in range(PANEL):
                    s = out[r, start + n]
                    s += a0 * w[k, n]
                    s += a1 * w[k + 1, n]
                    s += a2 * w[k + 2, n]
                    s += a3 * w[k + 3, n]
                    s += a4 * w[k + 4, n]
                    s += a5 * w[k + 5, n]
                    s += a6 * w[k + 6, n]
                    s += a7 * w[k + 7, n]
                    out[r, start + n] = s
        for k in range(whole, inputs):
            for r in range(rows):
                one = x[r, k]
                for n in range(PANEL):
                    out[r, start + n] += one * w[k, n]


@_compiled
def _gru(gates: Floats, inputs: Floats, table: Floats, last: Classes, state: Floats) -> None:
    """A step of one row: its state ``[H]`` changes."""
    total = inputs[: 3 * state.size].copy()
    for j in range(last.size):
        said = table[j, last[j]]
        for i in range(total.size):
            total[i] += said[i]
    _gates(total, gates, state)


@_compiled
def _gates(inputs: Floats, gates: Floats, state: Floats) -> None:
    """A step of a GRU (update, reset, candidate; reset after the product): its state ``[H]`` changes."""
    units = state.size
    for i in range(units):
        update = _sigmoid(inputs[i] + gates[i])
        reset = _sigmoid(inputs[units + i] + gates[units + i])
        candidate = _TWO * _sigmoid(_TWO * (inputs[2 * units + i] + reset * gates[2 * units + i])) - _ONE
        state[i] = update * state[i] + (_ONE - update) * candidate


@_compiled
def _draw(logits: Floats, uniform: np.float32) -> int:
    """The first class whose cumulated softmax of ``logits [V]`` exceeds ``uniform``."""
    count = logits.size
    largest = logits[0]
    for i in range(count):
        largest = max(largest, logits[i])
    for i in range(count):
        logits[i] = _exp(logits[i] - largest)
    blocks = -(-count // _BLOCK)
    sums = np.empty(blocks, np.float32)
    total = _ZERO
    for b in range(blocks):
        s = _ZERO
        for i in range(b * _BLOCK, min((b + 1) * _BLOCK, count)):
            s += logits[i]
        sums[b] = s
        total += s
    below, target, block = _ZERO, uniform * total, 0
    while block < blocks - 1 and below + sums[block] <= target:
        below += sums[block]
        block += 1
    drawn = block * _BLOCK
    # Rounding can leave the last sum a little below the target.
    while drawn < count - 1 and below + logits[drawn] <= target:
        below += logits[drawn]
        drawn += 1
    return drawn


@_compiled
def _sigmoid(x: np.float32) -> np.float32:
    return _ONE / (_ONE + _exp(-x))


@_compiled
def _exp(x: np.float32) -> np.float32:
    """To two units in the last place, without a call, so that loops over it are vectorised (Cephes' ``expf``)."""
    x = min(max(x, -_LARGEST), _LARGEST)
    n = np.floor(x * _LOG2E + _HALF)
    x = x - n * _LN2_HIGH - n * _LN2_LOW
    y = _EXP[0]
    y = y * x + _EXP[1]
    y = y * x + _EXP[2]
    y = y * x + _EXP[3]
    y = y * x + _EXP[4]
    y = y * x + _EXP[5]
    y = y * x * x + x + _ONE
    return y * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
