"""Speech at another speed. No deep-learning framework: verifiers in processes of their own use it, too."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly


def played(pcm: npt.NDArray[np.int16], speed: float | Fraction, count: int) -> npt.NDArray[np.int16]:
    """The first ``count`` samples of ``pcm [B, samples]`` played at ``speed``, pitch and all, ``[B, count]``."""
    if speed != 1:
        share = Fraction(speed).limit_denominator(20)
        moved = resample_poly(pcm.astype(np.float32), share.denominator, share.numerator, axis=1)
        pcm = np.clip(np.rint(moved), -32768, 32767).astype(np.int16)
    return np.pad(pcm[:, :count], ((0, 0), (0, max(0, count - pcm.shape[1]))))
