"""Any encoder of a network, compressed ones among them, as one ``.tflite`` in any of TFLite's number formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from converters.compose import compose
from converters.encoder import BLOCK, _codebook_search, _convert, _quiet, model_info
from edgy_tf.frontend.layer import LogMelLayer
from edgy_tf.network import Network
from pi_runtime.model_file import pack_info

_BUILTINS = tf.lite.OpsSet.TFLITE_BUILTINS
_OPERATORS = {
    "int8": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "int16x8": tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
}
KINDS = ("float32", "float16", "dynamic", "int8", "int16x8", "qat")


def convert_compressed(
    network: Network, encoder: Any, kind: str, variant: str, calibration: Sequence[np.ndarray], licence: str
) -> bytes:
    """Convert an encoder that is not simply a network's float weights.

    Args:
        network: whose preset, with its ``units`` as they are now, and codebook.
        encoder: callable, mel ``[1, T, mels]`` to latents ``[1, BLOCK, dim]``; its variables are frozen.
        kind: number format of the convolutions, one of ``KINDS``; with ``qat`` the ranges are in the encoder.
        variant: name that the file gets.
        calibration: log-mel of real speech, ``[frames, mels]`` each, for ``int8`` and ``int16x8``.
        licence: of the weights, written into the file.

    Returns:
        as `converters.encoder.convert_encoder`.
    """
    preset = network.preset
    frames, mels = preset.frames_for(BLOCK), preset.front_end.mels
    windows = [m[None, i : i + frames] for m in calibration for i in range(0, len(m) - frames + 1, frames)]
    parts = {
        "front_end": _convert(LogMelLayer(preset.front_end), [1, preset.samples_for(BLOCK)]),
        "encoder": _convolutions(encoder, [1, frames, mels], kind, windows),
        "codebook": _codebook_search(network.codebook),
    }
    return pack_info(compose(parts, "pcm", "codes", "pcm_to_codes"), model_info(network, variant, licence))


def _convolutions(encoder: Any, shape: list[int], kind: str, windows: list[np.ndarray]) -> bytes:
    call = tf.function(lambda mel: encoder(mel), input_signature=[tf.TensorSpec(shape, tf.float32)])
    with _quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    converter.target_spec.supported_ops = [_OPERATORS.get(kind, _BUILTINS)]
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind in _OPERATORS:
        converter.representative_dataset = lambda: ([window.astype(np.float32)] for window in windows)
    with _quiet():
        return bytes(converter.convert())
