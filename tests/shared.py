"""What takes long to make is made once, whichever of pytest-xdist's processes asks first."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` fills, the same one for all processes of this run; nobody may change what is in it.

    Args:
        factory: of temporary folders.
        name: of the folder.
        make: is given the empty folder, which has another name until it is full.
    """
    folder = _base(factory) / name
    partial = folder.with_name(f"{name}.part")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not folder.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(folder)
    return folder


def alone(factory: pytest.TempPathFactory, name: str) -> FileLock:
    """A lock that one process of this run holds at a time."""
    return FileLock(_base(factory) / f"{name}.lock")


def _base(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
