"""From log-mel of our front end to what a recogniser hears: text without any sound between (paper section 3.4)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from edgy_tf.frontend import mel_filters
from edgy_tf.models.whisper import FRONT_END as WHISPER
from edgy_tf.preset import FrontEnd

Floats = npt.NDArray[np.float32]

SPAN = 8
"""Orders of magnitude of power below the loudest that Whisper's features keep."""


def recogniser_features(mel: Floats, front_end: FrontEnd) -> Floats:
    """Log-mel ``[T, mels]`` of ``front_end`` as Whisper's log-mel ``[T, 80]``.

    Back to magnitudes by the filters' pseudo-inverse, without the pre-emphasis, and through Whisper's filters: what is
    lost is finer than a filter, and no word is lost on Whisper.
    """
    fe = front_end
    amplitude = 10 ** (((mel - 1) * -fe.floor_db - fe.gain_db) / 20)
    magnitude = np.maximum(amplitude @ _inverse(fe), 0)
    power = np.square(magnitude) @ mel_filters(WHISPER).T
    log = np.log10(np.maximum(power, 1e-10))
    return ((np.maximum(log, log.max(initial=-np.inf) - SPAN) + 4) / 4).astype(np.float32)


@functools.lru_cache(maxsize=8)
def _inverse(fe: FrontEnd) -> npt.NDArray[np.float64]:
    """Amplitudes of our filters to magnitudes in Whisper's bins, ``[mels, bins]``."""
    ours = np.arange(fe.n_fft // 2 + 1) * fe.sample_rate / fe.n_fft
    theirs = np.arange(WHISPER.n_fft // 2 + 1) * WHISPER.sample_rate / WHISPER.n_fft
    emphasis = np.abs(1 - fe.preemphasis * np.exp(-2j * np.pi * ours / fe.sample_rate))
    plain = np.linalg.pinv(mel_filters(fe)).T / np.maximum(emphasis, 1e-3)
    return np.stack([np.interp(theirs, ours, row) for row in plain])
