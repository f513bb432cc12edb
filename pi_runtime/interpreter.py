"""Finds a TFLite interpreter: ai-edge-litert or, where that has no build, tflite-runtime."""

from __future__ import annotations

import importlib
from typing import Any

from edgy_tf.errors import MissingDependencyError, ModelError

RUNTIMES: tuple[str, ...] = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


def open_interpreter(model: bytes, origin: str, threads: int = 1) -> Any:
    """An interpreter of ``model`` with its tensors allocated.

    Raises:
        MissingDependencyError: neither runtime is installed.
        ModelError: the runtime refuses the model.
    """
    for name in RUNTIMES:
        try:
            runtime = importlib.import_module(name)
        except ImportError:
            continue
        try:
            interpreter = runtime.Interpreter(model_content=model, num_threads=threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(f"{name.split('.')[0]} cannot run {origin}: {reason}") from error
        return interpreter
    raise MissingDependencyError("no TFLite interpreter is installed; run: pip install 'edgy-tf[pi]'")
