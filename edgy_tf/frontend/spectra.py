"""The front end in Keras operations, for batches on the device that trains. Any Keras backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import ops

from edgy_tf.frontend.logmel import hann, mel_filters
from edgy_tf.preset import FrontEnd


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
    real, imaginary = ops.rfft(frames, fe.n_fft)
    # The gradient of a root at nought is none; what is added lies far below the floor.
    return ops.sqrt(ops.square(real) + ops.square(imaginary) + 1e-14)


def features(spectra: Any, front_end: FrontEnd) -> Any:
    """Log-mel of ``spectra [B, T, n_fft // 2 + 1]``, ``[B, T, mels]``; equal to ``edgy_tf.frontend`` to 1e-3."""
    fe = front_end
    mel = ops.matmul(spectra, mel_filters(fe).T.astype(np.float32))
    floor = 10 ** ((fe.floor_db - fe.gain_db) / 20)
    decibels = (20 / math.log(10)) * ops.log(ops.maximum(mel, floor)) + fe.gain_db
    return ops.maximum(decibels / -fe.floor_db + 1, 0.0)
