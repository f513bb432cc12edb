"""Weights as safetensors files: a name for every array, no code inside, written atomically."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from edgy_tf.errors import MissingDependencyError, ModelError

Arrays = dict[str, np.ndarray]


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write named arrays and a JSON-able description; the file appears whole or not at all."""
    save = _safetensors().save
    # safetensors stores the memory as it lies, so it must be contiguous (np.ascontiguousarray would give a
    # scalar a dimension).
    whole = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    with atomic_file(path) as file:
        file.write(save(whole, metadata={"edgy": json.dumps(about)}))


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what ``save_arrays`` wrote.

    Raises:
        ModelError: no such file, or not one of ours.
    """
    _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            about = json.loads((file.metadata() or {})["edgy"])
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise ModelError(f"no weights at {path}") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is not an EDGY weights file or is damaged") from error


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` that takes its place when the block succeeds, and vanishes otherwise.

    Raises:
        ModelError: there is no such folder, no right to write to it or no room in it.
    """
    with contextlib.ExitStack() as clean:
        try:
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            clean.callback(Path(temporary).unlink, missing_ok=True)
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except OSError as error:
            raise ModelError(f"cannot write {path}: {error.strerror}") from error


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Make an empty folder beside ``out`` that takes its place when the block succeeds, and vanishes otherwise."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / "whole"
        folder.mkdir()
        yield folder
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)


def variables_of(model: Any) -> Arrays:
    """All variables of a Keras model, layer or optimiser, by their path."""
    arrays = {_path(v): np.asarray(v.numpy()) for v in _named(model)}
    if len(arrays) != len(_named(model)):
        raise ModelError(f"{model.name} has two variables of one name")
    return arrays


def assign_variables(model: Any, arrays: Mapping[str, np.ndarray], origin: str = "checkpoint") -> None:
    """Set every variable of a Keras (or ``tf_keras``) model, layer or optimiser from ``arrays``.

    Raises:
        ModelError: a variable that ``arrays`` lacks or has in another shape.
    """
    for variable in _named(model):
        value = arrays.get(_path(variable))
        if value is None or value.shape != tuple(variable.shape):
            raise ModelError(f"{origin} does not fit this network: {_path(variable)} is missing or of another shape")
        variable.assign(value)


def _named(model: Any) -> list[Any]:
    # Keras gives every GRU a seed for a dropout that we do not use, under a name that changes with each instance.
    return [v for v in model.variables if not _path(v).startswith("seed_generator")]


def _path(variable: Any) -> str:
    # Keras 2 has no paths; its names are the same, with the number of an output, but for one kernel.
    name = getattr(variable, "path", variable.name.removesuffix(":0"))
    return str(name).replace("/depthwise_kernel", "/kernel")


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingDependencyError("safetensors is not installed; run: pip install 'edgy-tf[cloud]'") from error
    return safetensors.numpy
