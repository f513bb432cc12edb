"""A network's encoder as one ``.tflite``: from PCM, from log-mel of any length, and step by step with states."""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from converters.clustered import with_common_grid, with_short_latents
from converters.compose import bundle, join, put_before
from converters.graph import CONVOLUTIONS, Builtin, builtin
from converters.ranges import narrowed
from converters.rounding import rounded
from converters.streaming import add_states, free_length
from converters.sums import with_float_sums
from converters.tensors import convolutions as kernels
from converters.variables import keep_states, start
from converters.variants import INT8_WEIGHTS, VARIANTS
from edgy_tf.errors import ModelError
from edgy_tf.frontend.layer import LogMelLayer
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from pi_runtime.model_file import ModelInfo, pack_info

INTEGER_OPERATORS = {
    "int8": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "int16x8": tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
}
BLOCK = 8
"""Codes that one run of ``pcm_to_codes`` gives: 160 ms at 50 codes a second."""


def warm_up(preset: Preset, numbers: str) -> int:
    """Runs of ``pcm_to_codes`` until all that a code depends on was heard, the last of them not counted.

    Dynamic range quantises by all that is in a run, so what an earlier stream left would be heard for long: its runs
    take all that a block depends on, and remember nothing.
    """
    return 0 if numbers == "dynamic" else -(-preset.frames_for(BLOCK) // (BLOCK * preset.stride)) - 1


def model_info(network: Network, variant: str, numbers: str, licence: str, release: str = "") -> ModelInfo:
    """The description that goes into the file (geometry as in ``Preset``); ``numbers`` as in ``convert_layers``."""
    preset, fe = network.preset, network.preset.front_end
    runs = warm_up(preset, numbers)
    window = preset.samples_for(BLOCK)
    if runs:
        window = 1 + (BLOCK * preset.stride - 1) * fe.hop + fe.window
    return ModelInfo(
        preset=preset.name,
        variant=variant,
        codebook_id=network.codebook_id,
        codebook_size=preset.codebook.size,
        sample_rate=fe.sample_rate,
        samples_per_code=preset.samples_per_code,
        block=BLOCK,
        window=window,
        before=preset.samples_before + window - preset.samples_for(BLOCK),
        warm_up=runs,
        licence=licence,
        release=release,
        front_end=asdict(fe),
        levelled=preset.encoder.levelled,
        history=preset.history,
        receptive_field=preset.receptive_field,
    )


def convert_encoder(
    network: Network, variant: str, calibration: Sequence[np.ndarray], licence: str, release: str = ""
) -> bytes:
    """Convert one variant.

    Args:
        network: whose encoder and codebook.
        variant: one of ``VARIANTS``.
        calibration: log-mel of real speech, ``[frames, mels]`` each, that int8 and int16x8 take their ranges from, and
            by which weights are rounded to 8 bits (`converters.rounding`).
        licence: of the weights, written into the file.
        release: that the file becomes part of, written into the file.

    Returns:
        as ``convert_layers``.

    Raises:
        ModelError: no such variant, or a preset that cannot be streamed.
    """
    if variant not in VARIANTS:
        raise ModelError(f"no variant '{variant}'; choose among {', '.join(VARIANTS)}")
    if variant in INT8_WEIGHTS:
        network = rounded(network, calibration)
    encoder = network.encoder(network.preset.frames_for(BLOCK))
    info = model_info(network, variant, variant, licence, release)
    if variant == "micro":
        return convert_layers(network, encoder, "int8", calibration, info, float_sums=False)
    return convert_layers(network, encoder, variant, calibration, info)


def convert_layers(
    network: Network,
    encoder: Any,
    numbers: str,
    calibration: Iterable[np.ndarray],
    info: ModelInfo,
    clusters: int = 0,
    float_sums: bool = True,
) -> bytes:
    """Convert an encoder that may be another than the network's own, such as a student with ranges for int8.

    Args:
        network: gives preset and codebook.
        encoder: of Keras or ``tf_keras``, mel ``[1, T, mels]`` to latents; its variables are frozen.
        numbers: of the convolutions: one of ``VARIANTS`` but micro, or ``qat``: int8 with the ranges that the encoder
            brings.
        calibration: as ``convert_encoder`` has it.
        info: is packed behind the file.
        clusters: values that the weights of each layer share, at most, if the file is to zip well
            (`converters.clustered`).
        float_sums: of int8 and qat, residual connections are added up in float32 (`converters.sums`), which keeps more
            codes, and not in int8, as microcontrollers do it.

    Returns:
        the ``.tflite`` with its description packed behind it. Its signatures share their weights:
        ``pcm_to_codes``: ``pcm [1, window]`` to ``codes [1, BLOCK]``, going on from its last run (`ModelInfo`);
        ``encode``: ``mel [1, T, mels]`` of any ``Preset.frames_for(n)`` frames to ``codes [1, n]``;
        ``encode_stream``: ``mel [1, stride, mels]`` and the states to ``codes [1, 1]`` and the next states.

    Raises:
        ModelError: a preset that cannot be streamed, or ``qat`` of filters that are all zero.
    """
    preset = network.preset
    layers = layer_names(encoder)
    convolutions, latents = _convolutions(preset, encoder, numbers, calibration), _latents(encoder)
    if numbers == "qat" and any(kernel.dtype != np.int8 for kernel in kernels(convolutions)):
        # It says so on stderr alone: "scale out of expressed type range".
        raise ModelError("TFLite leaves filters in float whose scale is 0, as masks make it; remove them first")
    if clusters:
        latents = with_short_latents(latents)
    if clusters and numbers == "int8":
        convolutions = with_common_grid(convolutions, _kernels(encoder), clusters)
    if float_sums and numbers in ("int8", "qat"):
        convolutions = with_float_sums(convolutions)
    parts = {
        "encoder": convolutions,
        "latent": latents,
        "codebook": _codebook_search(network.codebook),
    }
    with _quiet():
        front_end = bytes(_converter(LogMelLayer(preset.front_end), [1, info.window]).convert())
    from_pcm = join(parts, "mel", "codes", "pcm_to_codes")
    whole = join(parts, "mel", "codes", "encode")
    step = join(parts, "mel", "codes", "encode_stream")
    for graph in (from_pcm, whole, step):
        _name_layers(graph, layers)
    if info.warm_up:
        keep_states(from_pcm, info.block * preset.stride)
    from_pcm = put_before("front_end", front_end, from_pcm, "pcm")
    start(from_pcm)
    free_length(whole)
    add_states(step, preset.stride)
    return pack_info(bundle([from_pcm, whole, step]), info)


def layer_names(encoder: Any) -> list[str]:
    """Keras layers whose outputs a converted graph computes too, in order: normalisation and ReLU are folded."""
    names: list[str] = []
    # TF-MOT wraps the layers of a student.
    for layer in (getattr(layer, "layer", layer) for layer in encoder.layers):
        kind = type(layer).__name__
        if kind in ("Conv2D", "DepthwiseConv2D", "Add"):
            names.append(layer.name)
        elif kind in ("BatchNormalization", "ReLU"):
            names[-1] = layer.name
    return names


def _name_layers(model: Any, layers: list[str]) -> None:
    """Give tensors of the encoder the names of the Keras layers that compute them; ``join`` named them by part."""
    graph = model.subgraphs[0]
    ours = [
        o
        for o in graph.operators
        if graph.tensors[o.outputs[0]].name.startswith(("encoder_", "latent_", "into_latent"))
    ]
    counted = [o for o in ours if builtin(model, o) in (*CONVOLUTIONS, Builtin.ADD)]
    for operator, layer in zip(counted, layers, strict=True):
        graph.tensors[operator.outputs[0]].name = layer


def _convolutions(preset: Preset, encoder: Any, numbers: str, calibration: Iterable[np.ndarray]) -> bytes:
    frames = preset.frames_for(BLOCK)
    api = _api(encoder)
    hidden = api.Model(encoder.input, encoder.get_layer("latent").input)
    converter = _converter(hidden, [1, frames, preset.front_end.mels])
    if numbers != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if numbers == "float16":
        converter.target_spec.supported_types = [tf.float16]
    windows: list[np.ndarray] = []
    if numbers in INTEGER_OPERATORS:
        windows = [
            mel[None, start : start + frames].astype(np.float32)
            for mel in calibration
            for start in range(0, len(mel) - frames + 1, frames)
        ]
        converter.representative_dataset = lambda: ([window] for window in windows)
        converter.target_spec.supported_ops = [INTEGER_OPERATORS[numbers]]
    with _quiet():
        model = bytes(converter.convert())
    if numbers == "int8" and windows:
        model = narrowed(model, encoder, layer_names(encoder), np.concatenate(windows))
    return model


def _kernels(encoder: Any) -> list[npt.NDArray[np.float32]]:
    layers = [layer for layer in encoder.layers if layer.name.startswith("conv")]
    return [layer.get_weights()[0] for layer in layers]


def _latents(encoder: Any) -> bytes:
    """The last, pointwise layer in float32: rounding latents to 8 bits would change more codes than all before it."""
    latent = encoder.get_layer("latent")
    tail = _api(encoder).Model(latent.input, encoder.output)
    with _quiet():
        return bytes(_converter(tail, [1, 1, BLOCK, latent.input.shape[-1]]).convert())


def _api(model: Any) -> Any:
    """``keras`` or ``tf_keras``: where a model is from."""
    return importlib.import_module(type(model).__module__.partition(".")[0])


def _codebook_search(codebook: np.ndarray) -> bytes:
    kernel = tf.constant(codebook.T, tf.float32)
    bias = tf.constant(-0.5 * np.sum(np.square(codebook, dtype=np.float64), -1), tf.float32)

    def search(latents: tf.Tensor) -> tf.Tensor:
        scores = tf.nn.bias_add(tf.matmul(tf.reshape(latents, [-1, codebook.shape[1]]), kernel), bias)
        return tf.reshape(tf.argmax(scores, -1, output_type=tf.int32), [1, BLOCK])

    with _quiet():
        return bytes(_converter(search, [1, BLOCK, codebook.shape[1]]).convert())


def _converter(function: Any, shape: list[int]) -> Any:
    """A converter of a function of one float32 tensor to built-in operators."""
    call = tf.function(lambda x: function(x), input_signature=[tf.TensorSpec(shape, tf.float32)])
    # Without a trackable object the converter freezes variables into constants.
    with _quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return converter


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's announcements of paths and statistics to itself: what matters is verified afterwards."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
