"""A vocoder that nobody trained: what it loses, the codes have lost, and what a WaveRNN loses beyond is its own.

Griffin and Lim 1984, "Signal estimation from modified short-time Fourier transform", by librosa.
"""

from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import scipy.signal

from edgy_tf.frontend import mel_filters
from edgy_tf.preset import FrontEnd

Floats = npt.NDArray[np.float32]


def griffin_lim(mel: Floats, front_end: FrontEnd) -> Floats:
    """Log-mel ``[frames, mels]``, at least one frame, to samples ``[frames * hop]`` in [-1, 1], by 40 rounds."""
    fe = front_end
    amplitude = 10 ** (((mel - 1) * -fe.floor_db - fe.gain_db) / 20)
    magnitude = np.maximum(np.linalg.pinv(mel_filters(fe)) @ amplitude.T, 1e-6).astype(np.float32)
    emphasised = librosa.griffinlim(
        magnitude, n_iter=40, hop_length=fe.hop, win_length=fe.window, n_fft=fe.n_fft, random_state=0
    )
    # Its frames are centred: the last one ends a hop early.
    whole = np.pad(emphasised, (0, fe.hop * len(mel) - len(emphasised)))
    speech = scipy.signal.lfilter([1], [1, -fe.preemphasis], whole)
    return (speech / max(1.0, float(np.abs(speech).max()))).astype(np.float32)
