"""Another speaker, in Keras operations: spectra whose pitch, formants and microphone are changed, but not the words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

ENVELOPE = 30
"""Cepstral coefficients of a spectrum's envelope: at 16 kHz it follows formants, but no pitch below 530 Hz."""

GAIN = 2
"""Place of the gain in a change."""

CURVES = 6
"""Cosines over the frequency axis that a random equaliser is the sum of."""


def another_voice(spectra: Any, change: Any) -> Any:
    """The same words from another throat, through another microphone.

    Pitch and formants move apart from each other: the cepstrum splits a spectrum into its envelope and what is left,
    and each is stretched along the frequency axis by a factor of its own. There is no phase to keep: features have
    none.

    Args:
        spectra: ``[B, T, bins]`` magnitudes.
        change: ``[B, 3 + CURVES]``: octaves that the pitch and that the formants move, gain in dB, and dB of each
            curve of the equaliser.

    Returns:
        ``[B, T, bins]``.
    """
    bins = spectra.shape[-1]
    log = ops.log(spectra + 1e-7)
    envelope = ops.matmul(log, _envelope(bins))
    moved = _stretch(log - envelope, change[:, 0]) + _stretch(envelope, change[:, 1])
    place = np.arange(bins) / (bins - 1) * np.pi
    curves = np.cos(np.arange(1, CURVES + 1)[:, None] * place).astype(np.float32)
    decibels = change[:, GAIN : GAIN + 1] + ops.matmul(change[:, 3:], curves)
    return ops.exp(moved + decibels[:, None] * (math.log(10) / 20))


def _stretch(log: Any, octaves: Any) -> Any:
    """Move ``log [B, T, bins]`` up by ``octaves [B]`` each, by linear interpolation; the last bin fills up."""
    bins = log.shape[-1]
    source = ops.arange(bins, dtype="float32")[None] * 2.0 ** -octaves[:, None]
    source = ops.clip(source, 0.0, bins - 1.001)
    lower = ops.floor(source)
    share = (source - lower)[:, None]
    index = ops.broadcast_to(ops.cast(lower, "int32")[:, None], ops.shape(log))
    return (1 - share) * ops.take_along_axis(log, index, -1) + share * ops.take_along_axis(log, index + 1, -1)


def _envelope(bins: int) -> np.ndarray:
    """The matrix ``[bins, bins]`` that keeps the first cepstral coefficients of a log spectrum."""
    eye = np.eye(bins)
    cepstra = np.fft.irfft(eye, axis=-1)
    cepstra[:, ENVELOPE : cepstra.shape[1] - ENVELOPE + 1] = 0
    return np.fft.rfft(cepstra, axis=-1).real.astype(np.float32)
