"""What a recogniser has learned for the codes of one codebook: small changes to Whisper base (Hu et al. 2021, LoRA)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgy_tf.errors import ModelError
from edgy_tf.weights import Arrays, load_arrays, save_arrays

DOWN, UP = "/down", "/up"
"""Ends of the names of an adapter's two matrices, ``[rank, in]`` and ``[out, rank]``; before them stands the weight's
name in CTranslate2's format. Their product is what the weight changes by."""

STEPS = 600
"""Of the optimiser in which one is learned, unless told otherwise."""


@dataclass(frozen=True)
class Reading:
    """Adapters for the codes of one codebook.

    Attributes:
        codebook_id: of the codes that it reads.
        adapters: two matrices for each weight that changes.
    """

    codebook_id: str
    adapters: Arrays

    @property
    def identity(self) -> str:
        """Eight hexadecimal characters that only these adapters have."""
        digest = hashlib.sha256(self.codebook_id.encode())
        for name in sorted(self.adapters):
            digest.update(name.encode() + self.adapters[name].tobytes())
        return digest.hexdigest()[:8]

    def changes(self) -> Arrays:
        """What is added to each weight, as a matrix, by the weight's name."""
        names = (name.removesuffix(UP) for name in self.adapters if name.endswith(UP))
        return {n: self._matrix(n + UP) @ self._matrix(n + DOWN) for n in names}

    def _matrix(self, name: str) -> np.ndarray:
        return self.adapters[name].astype(np.float32)

    def save(self, path: Path) -> None:
        """Write one safetensors file atomically, in half precision."""
        halves = {name: value.astype(np.float16) for name, value in self.adapters.items()}
        save_arrays(path, halves, {"reads": self.codebook_id})

    @classmethod
    def load(cls, path: Path) -> Reading:
        """Read what ``save`` wrote.

        Raises:
            ModelError: missing, damaged, or other weights.
        """
        adapters, about = load_arrays(path)
        if "reads" not in about:
            raise ModelError(f"{path} holds weights, but not of edgy train-reading")
        return cls(about["reads"], adapters)
