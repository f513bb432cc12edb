"""Enrolled voices on disk. Needs NumPy alone: a device sends them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import CodebookMismatchError, ModelError
from edgy_tf.weights import atomic_file

Floats = npt.NDArray[np.float32]


def save_voice(path: Path, voice: Floats, codebook_id: str) -> None:
    """Write an enrolled voice, whole or not at all."""
    with atomic_file(path) as file:
        np.savez(file, voice=voice, codebook_id=np.array(codebook_id))


def load_voice(path: Path, codebook_id: str) -> Floats:
    """Read an enrolled voice.

    Raises:
        ModelError: missing or damaged.
        CodebookMismatchError: it belongs to another codebook.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            voice, owner = archive["voice"], str(archive["codebook_id"])
    except FileNotFoundError as error:
        raise ModelError(f"no voice at {path}; make one with: edgy enrol") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a voice; make one with: edgy enrol") from error
    if owner != codebook_id:
        raise CodebookMismatchError(f"voice {path} is of codebook {owner}, not {codebook_id}; enrol it again")
    if voice.ndim != 1 or not np.isfinite(voice).all():
        raise ModelError(f"{path} is not a voice; make one with: edgy enrol")
    return voice.astype(np.float32)
