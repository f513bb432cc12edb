"""The codebook's identity: what makes codes of one encoder readable by a decoder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from edgy_tf.preset import Preset


def codebook_id(vectors: npt.NDArray[np.float32], preset: Preset) -> str:
    """16 hexadecimal characters that follow from the vectors ``[K, D]``, the front end and the code rate."""
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(vectors, "<f4").tobytes())
    digest.update(json.dumps([asdict(preset.front_end), preset.stride], sort_keys=True).encode())
    return digest.hexdigest()[:16]
