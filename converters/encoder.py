"""A network's encoder as one ``.tflite``: PCM in, codes out; float32, or int8 between float ends."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from converters.compose import compose
from edgy_tf.frontend.layer import LogMelLayer
from edgy_tf.network import Network
from pi_runtime.model_file import ModelInfo, pack_info

VARIANTS = ("float32", "int8")
BLOCK = 8
"""Codes that one run gives: 160 ms at 50 codes a second."""


def model_info(network: Network, variant: str, licence: str) -> ModelInfo:
    """The description that goes into the file (geometry as in ``Preset``)."""
    preset, fe = network.preset, network.preset.front_end
    return ModelInfo(
        preset=preset.name,
        variant=variant,
        codebook_id=network.codebook_id,
        codebook_size=preset.codebook.size,
        sample_rate=fe.sample_rate,
        samples_per_code=preset.samples_per_code,
        block=BLOCK,
        window=preset.samples_for(BLOCK),
        before=preset.samples_before,
        licence=licence,
    )


def convert_encoder(network: Network, variant: str, calibration: Iterable[np.ndarray], licence: str) -> bytes:
    """Convert one variant.

    Args:
        network: whose encoder and codebook.
        variant: one of ``VARIANTS``.
        calibration: log-mel of real speech, ``[frames, mels]`` each, that int8 takes its ranges from.
        licence: of the weights, written into the file.

    Returns:
        the ``.tflite`` with its description packed behind it: ``pcm [1, window]`` float32 to ``codes [1, BLOCK]``.
    """
    preset = network.preset
    parts = {
        "front_end": _convert(LogMelLayer(preset.front_end), [1, preset.samples_for(BLOCK)]),
        "encoder": _convolutions(network, calibration if variant == "int8" else None),
        "codebook": _codebook_search(network.codebook),
    }
    return pack_info(compose(parts, "pcm", "codes", "pcm_to_codes"), model_info(network, variant, licence))


def _convolutions(network: Network, calibration: Iterable[np.ndarray] | None) -> bytes:
    frames = network.preset.frames_for(BLOCK)
    windows = None
    if calibration is not None:
        windows = [
            mel[None, start : start + frames].astype(np.float32)
            for mel in calibration
            for start in range(0, len(mel) - frames + 1, frames)
        ]
    return _convert(network.encoder(frames), [1, frames, network.preset.front_end.mels], windows)


def _codebook_search(codebook: np.ndarray) -> bytes:
    kernel = tf.constant(codebook.T, tf.float32)
    bias = tf.constant(-0.5 * np.sum(np.square(codebook, dtype=np.float64), -1), tf.float32)

    def search(latents: tf.Tensor) -> tf.Tensor:
        scores = tf.nn.bias_add(tf.matmul(tf.reshape(latents, [-1, codebook.shape[1]]), kernel), bias)
        return tf.reshape(tf.argmax(scores, -1, output_type=tf.int32), [1, BLOCK])

    return _convert(search, [1, BLOCK, codebook.shape[1]])


def _convert(function: Any, shape: list[int], calibration: list[np.ndarray] | None = None) -> bytes:
    """One graph of built-in operators; int8 between float ends where there is something to calibrate on."""
    call = tf.function(lambda x: function(x), input_signature=[tf.TensorSpec(shape, tf.float32)])
    # Without a trackable object the converter freezes variables into constants.
    with _quiet():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([window] for window in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with _quiet():
        return bytes(converter.convert())


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
