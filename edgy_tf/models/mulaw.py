"""Mu-law companding of samples to ``bits`` bits (ITU-T G.711's curve; paper section 3.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def mulaw_encode(samples: npt.ArrayLike, bits: int) -> npt.NDArray[np.int32]:
    """Samples in [-1, 1] to classes 0 to ``2 ** bits - 1``, any shape; louder ones are clipped."""
    mu = 2**bits - 1
    x = np.clip(np.asarray(samples, np.float64), -1, 1)
    squeezed = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.floor((squeezed + 1) / 2 * mu + 0.5).astype(np.int32)


def mulaw_decode(classes: npt.ArrayLike, bits: int) -> npt.NDArray[np.float32]:
    """Classes back to samples in [-1, 1], float32, same shape."""
    mu = 2**bits - 1
    y = 2 * np.asarray(classes, np.float64) / mu - 1
    return (np.sign(y) * np.expm1(np.abs(y) * np.log1p(mu)) / mu).astype(np.float32)
