"""Quantisation-aware training: int8 is emulated while the student learns, and zeros and clusters are kept (TF-MOT)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.recipe import Quantise
from edgy_tf.network import Network

Ends = tuple[float, float]


def train_quantised(network: Network, stage: Quantise, lesson: Lesson, sparse: bool, clustered: bool) -> Any:
    """An encoder in ``tf_keras`` that computes as int8 will, with the ranges of all its tensors.

    Args:
        network: to be quantised.
        stage: whether activations are symmetric, and how it is trained.
        lesson: what it is trained on.
        sparse: keep weights at zero that are there (PQAT; with ``clustered`` PCQAT).
        clustered: keep weights equal that are (CQAT).
    """
    student = emulate(network, sparse, clustered)
    symmetric = stage.activations == "symmetric"
    if symmetric:
        _make_symmetric(student)
    set_ranges(student, _measured(network.encoder(api=tf_keras), lesson, symmetric))
    lesson.teach(student, stage)
    return student


def emulate(network: Network, sparse: bool = False, clustered: bool = False) -> Any:
    """The encoder with TF-MOT's emulation of int8 in it, whose ranges are not set yet; see ``train_quantised``."""
    import tensorflow_model_optimization as tfmot

    plain = network.encoder(api=tf_keras)
    combine = tfmot.experimental.combine
    if clustered:
        scheme = combine.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=sparse)
    elif sparse:
        scheme = combine.Default8BitPrunePreserveQuantizeScheme()
    else:
        scheme = tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme()
    convolutions = tf_keras.Model(plain.input, plain.get_layer("latent").input)
    annotated = tfmot.quantization.keras.quantize_annotate_model(convolutions)
    return _with_latents(tfmot.quantization.keras.quantize_apply(annotated, scheme), plain)


def set_ranges(
    student: Any, activations: Mapping[str, Ends], kernels: Mapping[str, npt.NDArray[np.float32]] | None = None
) -> None:
    """Give the layers of `emulate` the ranges that int8 stands for.

    Args:
        student: from `emulate`.
        activations: least and largest value of each layer's output, by the layer's name; of the input as ``mel``.
        kernels: largest absolute value of each filter, by the convolution's name; they follow the weights at every step
            of training, so only who does not train gives them.
    """
    for layer in student.layers:
        name = layer.layer.name if hasattr(layer, "layer") else "mel"
        for variable in layer.weights:
            kind = variable.name.rsplit("/", 1)[-1].removesuffix(":0")
            sign = -1 if kind.endswith("_min") else 1 if kind.endswith("_max") else 0
            if sign and "kernel" in kind and kernels:
                variable.assign(sign * kernels[name])
            elif sign and "kernel" not in kind:
                low, high = activations[name]
                variable.assign(min(low, 0.0) if sign < 0 else max(high, 0.0))


def _with_latents(convolutions: Any, plain: Any) -> Any:
    """Other convolutions, with the latents of ``plain`` behind them, which stay float as in the converter."""
    x, first = convolutions.output, [layer.name for layer in plain.layers].index("latent")
    for layer in plain.layers[first:]:
        copy = type(layer).from_config(layer.get_config())
        x = copy(x)
        copy.set_weights(layer.get_weights())
    return tf_keras.Model(convolutions.input, x)


def _make_symmetric(student: Any) -> None:
    """Ranges of activations that lie around 0, as TF-MOT's schemes know for weights alone."""
    for layer in student.layers:
        quantizers = [getattr(layer, "quantizer", None), *getattr(layer, "_output_quantizers", [])]
        quantizers += [activation.quantizer for activation in getattr(layer, "_quantize_activations", [])]
        for quantizer in filter(None, quantizers):
            quantizer.symmetric = True


def _measured(plain: Any, lesson: Lesson, symmetric: bool) -> dict[str, Ends]:
    """The ranges that activations have in the float encoder.

    TF-MOT starts each at -6 to 6 and moves it by a thousandth a step, so a fine-tuning of some hundred steps would end
    with ranges that are far too wide.
    """
    layers = [layer for layer in plain.layers if layer.output is not plain.input]
    look = tf_keras.Model(plain.input, {layer.name: layer.output for layer in layers})
    ends: dict[str, list[Ends]] = {}
    for mel in lesson.examples():
        for name, values in {"mel": mel, **look(mel)}.items():
            ends.setdefault(name, []).append((float(np.min(values)), float(np.max(values))))
    found = {}
    for name, pairs in ends.items():
        low, high = map(float, np.mean(pairs, axis=0))
        found[name] = (-max(-low, high), max(-low, high)) if symmetric else (low, high)
    return found
