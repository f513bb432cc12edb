"""Quantisation-aware training: int8 is emulated while the student learns, and zeros and clusters are kept (TF-MOT)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.recipe import Quantise
from edgy_tf.network import Network


def train_quantised(network: Network, stage: Quantise, lesson: Lesson, sparse: bool, clustered: bool) -> Any:
    """An encoder in ``tf_keras`` that computes as int8 will, with the ranges of all its tensors.

    Args:
        network: to be quantised.
        stage: whether activations are symmetric, and how it is trained.
        lesson: what it is trained on.
        sparse: keep weights at zero that are there (PQAT; with ``clustered`` PCQAT).
        clustered: keep weights equal that are (CQAT).
    """
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
    student = _with_latents(tfmot.quantization.keras.quantize_apply(annotated, scheme), plain)
    symmetric = stage.activations == "symmetric"
    if symmetric:
        _make_symmetric(student)
    _set_ranges(student, plain, lesson, symmetric)
    lesson.teach(student, stage)
    return student


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


def _set_ranges(student: Any, plain: Any, lesson: Lesson, symmetric: bool) -> None:
    """Give activations the ranges that they have in the float encoder.

    TF-MOT starts each at -6 to 6 and moves it by a thousandth a step, so a fine-tuning of some hundred steps would end
    with ranges that are far too wide.
    """
    layers = [layer for layer in plain.layers if layer.output is not plain.input]
    look = tf_keras.Model(plain.input, {layer.name: layer.output for layer in layers})
    ends: dict[str, list[tuple[float, float]]] = {}
    for mel in lesson.examples():
        for name, values in {"mel": mel, **look(mel)}.items():
            ends.setdefault(name, []).append((float(np.min(values)), float(np.max(values))))
    for layer in student.layers:
        low, high = np.mean(ends[layer.layer.name if hasattr(layer, "layer") else "mel"], axis=0)
        if symmetric:
            low, high = -max(-low, high), max(-low, high)
        for variable in layer.weights:
            name = variable.name.rsplit("/", 1)[-1].removesuffix(":0")
            # Ranges of kernels follow the weights at every step.
            if "kernel" not in name and name.endswith("_min"):
                variable.assign(min(low, 0.0))
            elif "kernel" not in name and name.endswith("_max"):
                variable.assign(max(high, 0.0))
