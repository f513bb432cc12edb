"""Which recipes are compared, by which tool, and one of them taken through its tool."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgy_tf.compress.recipe import Filters, Recipe, load_recipe, recipe_to_toml, with_budget
from edgy_tf.errors import ModelError
from evaluation.compression.rows import Bench, Made, Row
from evaluation.compression.task import Task, open_bench
from evaluation.nncf.bridge import Trained, shrunk, train
from evaluation.nncf.config import VERSION
from evaluation.report.paper import TABLE_2

EDGY, NNCF = "EDGY", "NNCF"
"""The tools: TF-MOT with our own filters, gates and symmetric ranges; and NNCF."""
PAPER = tuple(model for model, technique, _ in TABLE_2 if technique != "baseline")
"""The paper's 17 compressed variants, which have the names of recipes."""
TF_MOT = ("clusters_16", "clusters_32", "CQAT", "PCQAT")
"""What NNCF has nothing for."""
BOTH = ("PQAT", "PFGM_20_int8")
"""Sparsity, and fewer filters, with int8."""
ALONE = tuple(f"{name}_alone" for name in ("PFGM_20", "RBS_20", "MS_20", "Symmetric", "Asymmetric"))
"""Nothing is fitted before, and the rate is that of a student that starts far from its teacher, as NNCF's all do."""
QUICK = ("PFGM_20",)
QUICK_STEPS = 100


@dataclass(frozen=True)
class Entry:
    """A recipe for a tool."""

    tool: str
    recipe: Recipe

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the rows that it gives: NNCF's filters as it leaves them, and without those that are zero."""
        if self.tool == EDGY:
            return (self.recipe.name,)
        name = f"{NNCF}_{self.recipe.name}"
        removes = any(isinstance(stage, Filters) for stage in self.recipe.stages)
        return (name, f"{name}_shrunk") if removes else (name,)


def matrix(steps: int, quick: bool = False) -> list[Entry]:
    """Every recipe by every tool that has it, each with so many steps of fine-tuning in all."""
    ours = QUICK if quick else (*PAPER, *TF_MOT, *BOTH, *ALONE)
    theirs = QUICK if quick else (*PAPER, *BOTH, *ALONE)
    named = [(EDGY, name) for name in ours] + [(NNCF, name) for name in theirs]
    return [Entry(tool, with_budget(load_recipe(name), steps)) for tool, name in named]


def make(task: Task, entry: Entry) -> list[Row]:
    """The rows of an entry, one for each of its ``variants``; what is done is read."""
    bench = open_bench(task)
    if entry.tool == EDGY:
        return [bench.row(entry.recipe)]
    return _by_nncf(bench, entry)


def _by_nncf(bench: Bench, entry: Entry) -> list[Row]:
    recipe, (name, *narrow), release = entry.recipe, entry.variants, bench.release
    how = json.dumps([NNCF, VERSION, recipe_to_toml(recipe)])

    def row(variant: str, then: Callable[[Trained], Trained]) -> Row:
        def make() -> Made:
            trained = then(train(recipe, release.network, bench.lesson(recipe.seed), bench.folder(name)))
            return _converted(bench, trained, variant, release.name)

        return bench.made(variant, recipe.about, how, make)

    return [row(name, lambda left: left), *(row(variant, shrunk) for variant in narrow)]


def _converted(bench: Bench, trained: Trained, variant: str, release: str) -> Made:
    begun = time.process_time()
    try:
        model = bench.material.convert(trained.network, trained.encoder(), trained.numbers, variant, release)
    # Whatever the converter says of a network that another tool made is the row's result.
    except Exception as error:
        raise ModelError(f"cannot be converted: {str(error).strip().partition(chr(10))[0]}") from error
    return model, trained.seconds + time.process_time() - begun
