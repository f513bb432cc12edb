"""What is done with each file of a folder, in whichever process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgy_tf.errors import EdgyError

Work = Callable[[Path, Path], object]
"""Makes a file of another, whole or not at all."""


def problem_of(work: Work, file: Path, target: Path) -> str | None:
    """Do it; the line that says what went wrong, or None."""
    try:
        work(file, target)
    except (EdgyError, OSError) as error:
        return str(error).removeprefix(f"{file}: ")
    return None
