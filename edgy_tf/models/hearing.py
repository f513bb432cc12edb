"""Speech as the encoder hears it, on the device that trains: spectra, changed voices, features. Any Keras backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from edgy_tf.frontend.logmel import hann, mel_filters
from edgy_tf.preset import FrontEnd

ENVELOPE = 30
"""Cepstral coefficients of a spectrum's envelope: at 16 kHz it follows formants, but no pitch below 530 Hz."""

CURVES = 6
"""Cosines over the frequency axis that a random equaliser is the sum of."""


def magnitudes(samples: Any, front_end: FrontEnd) -> Any:
    """Magnitude spectra of pre-emphasised frames.

    Args:
        samples: ``[B, 1 + (T - 1) * hop + window]`` in [-1, 1]; the first is there for the pre-emphasis.
        front_end: gives window, hop and transform.

    Returns:
        ``[B, T, n_fft // 2 + 1]``.
    """
    fe = front_end
    emphasised = samples[:, 1:] - fe.preemphasis * samples[:, :-1]
    frames = ops.extract_sequences(emphasised, fe.window, fe.hop) * hann(fe).astype(np.float32)
    return _magnitude(frames, fe.n_fft)


def features(spectra: Any, front_end: FrontEnd) -> Any:
    """Log-mel of ``spectra [B, T, n_fft // 2 + 1]``, ``[B, T, mels]``; equal to ``edgy_tf.frontend`` to 1e-3."""
    fe = front_end
    mel = ops.matmul(spectra, mel_filters(fe).T.astype(np.float32))
    floor = 10 ** ((fe.floor_db - fe.gain_db) / 20)
    decibels = (20 / math.log(10)) * ops.log(ops.maximum(mel, floor)) + fe.gain_db
    return ops.maximum(decibels / -fe.floor_db + 1, 0.0)


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
    decibels = change[:, 2:3] + ops.matmul(change[:, 3:], curves)
    return ops.exp(moved + decibels[:, None] * (math.log(10) / 20))


def _stretch(log: Any, octaves: Any) -> Any:
    """Move ``log [B, T, bins]`` up by ``octaves [B]`` each, by linear interpolation; the last bin fills up."""
    bins = log.shape[-1]
    source = np.arange(bins, dtype=np.float32)[None] * 2.0 ** -octaves[:, None]
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


def _magnitude(frames: Any, n_fft: int) -> Any:
    real, imaginary = ops.rfft(frames, n_fft)
    # The gradient of a root at nought is none; what is added lies far below the floor.
    return ops.sqrt(ops.square(real) + ops.square(imaginary) + 1e-14)
