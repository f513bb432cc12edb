"""Lines that a user of the bare tool writes, counted in our own sources: what drives it, and its configuration."""

from __future__ import annotations

import ast
import inspect
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import ModuleType

from converters import rounding
from edgy_tf.compress import clusters, filters, gates, layerwise, quantised, sparsity, teaching
from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Sparsity, Stage
from evaluation.compare.matrix import EDGY, Entry
from evaluation.nncf import bridge, config

WORKER = Path(config.__file__).with_name("worker.py")
FRAMES, MELS = 88, 80
"""Of the configuration that is counted; their values do not change its lines."""


@dataclass(frozen=True)
class Lines:
    """Of configuration, and of Python; with `edgy compress` the former, a recipe, is all that one writes."""

    settings: int
    code: int


def lines_of(entry: Entry, shrunk: bool = False) -> Lines:
    """Lines that an entry takes; comments, blank lines, docstrings and imports do not count.

    Args:
        entry: tool, and a recipe that comes with the package.
        shrunk: whether filters that NNCF has set to zero are removed, too.
    """
    training = _count(inspect.getsource(teaching))
    if entry.tool == EDGY:
        modules = dict.fromkeys(module for stage in entry.recipe.stages for module in _drivers(stage))
        # As it was written: the whole recipe has what is left out of the file, too.
        file = resources.files("edgy_tf") / "compress" / "recipes" / f"{entry.recipe.name}.toml"
        settings = file.read_text("utf-8").splitlines()
        code = sum(_count(inspect.getsource(module)) for module in modules)
        return Lines(len([line for line in settings if line and not line.startswith("#")]), code + training)
    settings = json.dumps(config.config_of(entry.recipe, FRAMES, MELS), indent=1).splitlines()
    code = _count(WORKER.read_text("utf-8"))
    if shrunk:
        parts = (bridge.shrunk, bridge.sounding, filters.keep_filters)
        code += sum(_count(inspect.getsource(part)) for part in parts)
    return Lines(len(settings), code + training)


def _drivers(stage: Stage) -> tuple[ModuleType, ...]:
    return (_driver(stage), layerwise, rounding) if stage.fitted else (_driver(stage),)


def _driver(stage: Stage) -> ModuleType:
    match stage:
        case Filters():
            return filters
        case Sparsity(method="l0"):
            return gates
        case Sparsity():
            return sparsity
        case Clusters():
            return clusters
        case Quantise():
            return quantised


def _count(source: str) -> int:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _silent(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return len([line for line in ast.unparse(tree).splitlines() if line.strip()])


def _silent(node: ast.AST) -> bool:
    """An import, or a text that nobody uses: a docstring."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom)
