"""The recipes that are searched: at most one stage of each kind, in the order that recipes have."""

from __future__ import annotations

from typing import Any

from optuna.trial import BaseTrial

from edgy_tf.compress.recipe import (
    ACTIVATIONS,
    CRITERIA,
    KINDS,
    METHODS,
    Clusters,
    Filters,
    Quantise,
    Recipe,
    Sparsity,
    Stage,
    load_recipe,
    recipe_from_dict,
)

NAME = "recipe"
"""Of the winner's file, and so of the variant: a variant's name is part of its bytes."""
FEWEST_STEPS = 24
"""That every stage of the longest recipe can learn with."""

_NONE = "none"
_FILTERS, _ZEROS, _STEP = (0.05, 0.6), (0.2, 0.8), 0.05
"""Rates: ends and step."""
_CLUSTERS = (8, 64)
_ERRORS = (0.0, 1.5e-4, 4.35e-4, 1.5e-3)
_LEARNING_RATES = {"far": (3e-4, 1e-4), "near": (3e-5, 1e-5)}
"""Of a student that starts far from its teacher or near it, and then of int8 trained as such."""
_QUANTISE = (_NONE, *(k for k in KINDS if k != "qat"), *(f"qat {activations}" for activations in ACTIVATIONS))
_START = ("edge", "PCQAT", "Symmetric", "PFGM_20")


def suggest(trial: BaseTrial, steps: int, seed: int) -> Recipe:
    """Draw a recipe.

    Args:
        trial: of Optuna.
        steps: of training, shared among the stages as in the recipes that ship: half for the first, the rest for the
            others.
        seed: of the recipe.

    Raises:
        PresetError: every technique was left out.
    """
    stages: list[dict[str, Any]] = []
    if (criterion := trial.suggest_categorical("criterion", (_NONE, *CRITERIA))) != _NONE:
        stages.append({"do": "filters", "criterion": criterion, "rate": _rate(trial, "filters", _FILTERS)})
    if (method := trial.suggest_categorical("sparsity", (_NONE, *METHODS))) != _NONE:
        rate = 0.5 if method == "2:4" else _rate(trial, "zeros", _ZEROS)
        stages.append({"do": "sparsity", "method": method, "rate": rate})
    if trial.suggest_categorical("clusters", (False, True)):
        count, error = trial.suggest_int("count", *_CLUSTERS, log=True), trial.suggest_categorical("error", _ERRORS)
        stages.append({"do": "clusters", "count": count, "error": error})
    kind, _, activations = str(trial.suggest_categorical("quantise", _QUANTISE)).partition(" ")
    if stages or activations:
        learning_rate, low = _LEARNING_RATES[str(trial.suggest_categorical("teacher", tuple(_LEARNING_RATES)))]
        for stage in stages:
            stage["learning_rate"] = learning_rate
        if activations:
            stages.append({"do": "quantise", "kind": kind, "activations": activations, "learning_rate": low})
    for stage, share in zip(stages, _shares(steps, len(stages)), strict=True):
        stage["steps"] = share
    if kind not in (_NONE, "qat"):
        stages.append({"do": "quantise", "kind": kind})
    about = f"found by edgy autotune, trial {trial.number + 1}"
    return recipe_from_dict({"about": about, "seed": seed, "stages": stages}, NAME, "the trial")


def starting_points() -> list[dict[str, Any]]:
    """Parameters for ``suggest`` of what is tried first: int8, and some of the recipes that ship."""
    int8 = Recipe("int8", "", 0, (Quantise(kind="int8"),))
    return [parameters(recipe) for recipe in (int8, *map(load_recipe, _START))]


def parameters(recipe: Recipe) -> dict[str, Any]:
    """What ``suggest`` must draw to make the stages of a recipe, but for their steps."""
    chosen: dict[str, Any] = {"criterion": _NONE, "sparsity": _NONE, "clusters": False, "quantise": _NONE}
    if recipe.stages[0].steps:
        first = recipe.stages[0].learning_rate
        chosen["teacher"] = next(name for name, rates in _LEARNING_RATES.items() if first in rates)
    for stage in recipe.stages:
        match stage:
            case Filters():
                chosen |= {"criterion": stage.criterion, "filters": stage.rate}
            case Sparsity():
                chosen |= {"sparsity": stage.method} | ({"zeros": stage.rate} if stage.method != "2:4" else {})
            case Clusters():
                chosen |= {"clusters": True, "count": stage.count, "error": stage.error}
            case Quantise():
                chosen |= {"quantise": _numbers(stage)}
    return chosen


def describe(recipe: Recipe) -> str:
    """A recipe in a few words."""
    return ", ".join(map(_words, recipe.stages))


def _words(stage: Stage) -> str:
    match stage:
        case Filters():
            return f"filters {stage.criterion} {stage.rate:g}"
        case Sparsity():
            return f"sparsity {stage.method} {stage.rate:g}"
        case Clusters():
            return f"clusters {stage.count}" + (f" ({stage.error:g})" if stage.error else "")
        case Quantise():
            return _numbers(stage)


def _numbers(stage: Quantise) -> str:
    return f"qat {stage.activations}" if stage.kind == "qat" else stage.kind


def _rate(trial: BaseTrial, name: str, ends: tuple[float, float]) -> float:
    # Optuna adds steps up, and 0.1 + 0.05 is not 0.15.
    return round(trial.suggest_float(name, *ends, step=_STEP), 2)


def _shares(steps: int, stages: int) -> list[int]:
    if stages < 2:
        return [steps] * stages
    part = steps // (2 * (stages - 1))
    return [steps - (stages - 1) * part, *[part] * (stages - 1)]
