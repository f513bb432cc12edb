"""What the audit keeps on the disk, by content, so that it goes on where it was stopped."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora.audio import to_pcm16

Floats = npt.NDArray[np.float32]


def cached_row(
    cache: Path, method: str, clip: npt.NDArray[Any], compute: Callable[[npt.NDArray[np.int16]], Floats]
) -> Floats:
    """The features of a clip, from the folder ``cache`` or computed into it; ``compute`` is given 16-bit samples.

    Raises:
        AudioError: the clip is not one channel of finite samples.
    """
    pcm = to_pcm16(clip)
    path = cache / f"{hashlib.sha256(method.encode() + pcm.tobytes()).hexdigest()}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    row = compute(pcm)
    cache.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}.npy")
    np.save(temporary, row)
    temporary.replace(path)
    return row
