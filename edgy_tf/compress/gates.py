"""Weight sparsity by L0 regularisation: every weight has a gate, and training decides which of them close.

The hard-concrete gates of Louizos et al. 2018, which the paper used through NNCF as "regularisation-based". A penalty
pulls the expected share of closed gates to the recipe's rate, over all layers together: those that need their weights
keep more of them than others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.layerwise import refitted, with_zeros
from edgy_tf.compress.properties import compressible
from edgy_tf.compress.recipe import Sparsity
from edgy_tf.network import Network
from edgy_tf.weights import variables_of

BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1
"""Temperature and ends of the stretched distribution, as in the article."""
OPEN = 2.0
"""Log-odds of a gate at the start: 97 in 100 are open."""
TRAVEL = 10.0
"""How far log-odds can move in a fine-tuning, however short it is: from wide open to closed and back."""
PULL = 3.0
"""Weight of the penalty, for each root of the number of gates: so a gate feels it as much as it feels the loss."""
GATED = 0.75
"""Share of the steps with gates; the rest is for the weights that are left, as with magnitude."""


def prune_by_gates(
    network: Network, stage: Sparsity, lesson: Lesson, speech: Sequence[npt.NDArray[np.float32]]
) -> Network:
    """The network with ``stage.rate`` of all kernels' weights at zero: those whose gates are closed furthest."""
    gated = int(GATED * stage.steps)
    # Adam moves a variable by up to its learning rate a step, which falls along a cosine.
    speed = 2 * TRAVEL / (stage.learning_rate * gated)

    def wrap(layer: Any) -> Any:
        return Gated(layer, speed) if compressible(layer.name) else layer

    plain = network.encoder(api=tf_keras)
    student = tf_keras.models.clone_model(plain, clone_function=wrap)
    gates = [layer for layer in student.layers if isinstance(layer, Gated)]
    goal = tf.Variable(0.0, trainable=False)
    pull = PULL * sum(gate.layer.kernel.shape.num_elements() for gate in gates) ** 0.5
    student.add_loss(lambda: pull * tf.square(goal - _closed(gates)))
    lesson.teach(student, replace(stage, steps=gated), [_Ramp(goal, stage.rate, gated)])
    _close(gates, stage.rate)
    closed = network.with_encoder(variables_of(plain))
    if stage.fitted:
        closed = refitted(closed, lesson.teacher, speech, with_zeros)
    left = closed.encoder(api=tf_keras)
    lesson.teach(left, replace(stage, steps=stage.steps - gated), [_Keep(left)])
    return network.with_encoder(variables_of(left))


class Gated(tf_keras.layers.Wrapper):
    """A convolution whose weights are multiplied by gates between 0 and 1; ``speed`` times as fast as the weights."""

    def __init__(self, layer: Any, speed: float) -> None:
        super().__init__(layer, name=f"gated_{layer.name}")
        self._speed = speed

    def build(self, input_shape: Any = None) -> None:
        """Add one gate for each weight."""
        super().build(input_shape)
        start = tf_keras.initializers.Constant(OPEN / self._speed)
        self._odds = self.add_weight("odds", self.layer.kernel.shape, initializer=start)

    @property
    def odds(self) -> tf.Tensor:
        """Log-odds that a gate is open, of the kernel's shape."""
        return self._speed * self._odds

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Convolve; gates are drawn in training, and what is most likely otherwise."""
        outputs = self.layer.convolution_op(inputs, self.layer.kernel * self.gates(bool(training)))
        return outputs if self.layer.bias is None else tf.nn.bias_add(outputs, self.layer.bias)

    def gates(self, drawn: bool) -> tf.Tensor:
        """The gates, of the kernel's shape."""
        odds = self.odds
        if drawn:
            noise = tf.random.uniform(odds.shape, 1e-6, 1 - 1e-6)
            odds = (odds + tf.math.log(noise) - tf.math.log(1 - noise)) / BETA
        return tf.clip_by_value(tf.sigmoid(odds) * (ZETA - GAMMA) + GAMMA, 0.0, 1.0)


def _closed(gates: list[Gated]) -> tf.Tensor:
    """Expected share of the gates that are 0."""
    shift = BETA * np.log(-GAMMA / ZETA)
    weights = sum(g.layer.kernel.shape.num_elements() for g in gates)
    return tf.add_n([tf.reduce_sum(tf.sigmoid(shift - g.odds)) for g in gates]) / weights


def _close(gates: list[Gated], rate: float) -> None:
    """Multiply kernels by their gates, the lowest ``rate`` of which become 0."""
    odds = np.concatenate([np.ravel(g.odds) for g in gates])
    # A stable order, so that gates that stand equally are told apart the same way everywhere.
    closed = np.argsort(odds, kind="stable")[: round(rate * len(odds))]
    left = np.ones(len(odds), np.float32)
    left[closed] = 0
    start = 0
    for gate in gates:
        kernel = gate.layer.kernel
        size = kernel.shape.num_elements()
        kernel.assign(kernel * gate.gates(False) * left[start : start + size].reshape(kernel.shape))
        start += size


class _Ramp(tf_keras.callbacks.Callback):
    """Raises the goal from 0 to ``rate`` over the first half of ``steps``."""

    def __init__(self, goal: tf.Variable, rate: float, steps: int) -> None:
        super().__init__()
        self._goal, self._rate, self._steps = goal, rate, steps

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the goal of the step."""
        self._goal.assign(self._rate * min(1.0, 2 * (batch + 1) / self._steps))


class _Keep(tf_keras.callbacks.Callback):
    """Sets weights of an encoder back to zero that a step has moved."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        kernels = [layer.kernel for layer in encoder.layers if compressible(layer.name)]
        self._masks = [(kernel, tf.cast(kernel != 0, tf.float32)) for kernel in kernels]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Mask every kernel."""
        for kernel, mask in self._masks:
            kernel.assign(kernel * mask)
