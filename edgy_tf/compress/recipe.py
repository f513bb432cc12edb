"""Recipes: how a variant is compressed, as a small config file. Needs the standard library alone.

``edgy_tf/compress/recipes/*.toml`` holds those that ship; any other is a file of the same shape::

    about = "a fifth of the filters removed, then int8"
    seed = 0

    [[stages]]
    do = "filters"
    criterion = "gm"
    rate = 0.2
    steps = 3000
    learning_rate = 3e-4
    batch = 32

    [[stages]]
    do = "quantise"
    kind = "int8"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from edgy_tf.config import build, names_in, read_named
from edgy_tf.errors import PresetError

CRITERIA = ("l1", "l2", "gm")
METHODS = ("magnitude", "l0", "2:4")
KINDS = ("float16", "dynamic", "int8", "int16x8", "qat")
ACTIVATIONS = ("asymmetric", "symmetric")
SUMS = ("float32", "int8")


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """How a stage learns from the teacher (`edgy_tf.compress.distil`).

    Attributes:
        steps: of Adam.
        learning_rate: at the start; it falls to 0 along a cosine.
        batch: crops a step.
        decoder: weight of what the release's decoder says of the codes (`edgy_tf.compress.through`), beside the
            teacher's latents; 0 leaves the decoder out.
        fitted: whether layers are fitted to the teacher's before anything is learned (`edgy_tf.compress.layerwise`);
            with ``qat``, whether weights are rounded together (`converters.rounding`).
    """

    steps: int = 0
    learning_rate: float = 3e-4
    batch: int = 32
    decoder: float = 0.0
    fitted: bool = True


@dataclass(frozen=True, kw_only=True)
class Filters(FineTuning):
    """Remove whole filters (`edgy_tf.compress.filters`).

    Attributes:
        criterion: which ones: smallest ``l1`` or ``l2`` norm, or nearest to the geometric median, ``gm``.
        rate: share of each layer's filters, 0 to 1 exclusive.
    """

    criterion: str
    rate: float


@dataclass(frozen=True, kw_only=True)
class Sparsity(FineTuning):
    """Set single weights to zero.

    Attributes:
        method: ``magnitude`` and ``2:4`` (`edgy_tf.compress.sparsity`) or ``l0`` (`edgy_tf.compress.gates`).
        rate: share of the weights, 0 to 1 exclusive; of every layer, or with ``l0`` of all layers together.
    """

    method: str
    rate: float


@dataclass(frozen=True, kw_only=True)
class Clusters(FineTuning):
    """Let the weights of a layer share ``count`` values, zero among them; of an even number, one fewer.

    Attributes:
        count: of values.
        error: what rounding to them may cost, as a share of the latents' variance: filters that matter little get wider
            steps, and so fewer of the values. With 0 each filter's largest weight is one of the ends.
    """

    count: int
    error: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Quantise(FineTuning):
    """Store numbers in fewer bits.

    Attributes:
        kind: ``qat`` trains int8 and keeps what the stages before it made; the others are the converter's work and
            take no steps.
        activations: whether int8 activations have a zero point, ``asymmetric``, or not; only ``qat`` can choose.
        sums: what residual connections are added up in: ``float32`` keeps more codes, ``int8`` is for microcontrollers;
            only ``int8`` and ``qat`` can choose.
    """

    kind: str
    activations: str = "asymmetric"
    sums: str = "float32"


Stage = Filters | Sparsity | Clusters | Quantise
# In the order in which they must come: each leaves alone what those before it have made, not what those after it do.
STAGES: Mapping[str, type[Stage]] = {
    "filters": Filters,
    "sparsity": Sparsity,
    "clusters": Clusters,
    "quantise": Quantise,
}


@dataclass(frozen=True)
class Recipe:
    """Stages in their order. All that is random follows from ``seed``; ``name`` is the variant's."""

    name: str
    about: str
    seed: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class _File:
    about: str
    seed: int
    stages: tuple[dict, ...]


def recipe_names() -> list[str]:
    """Names of the recipes that ship."""
    return names_in(_folder())


def load_recipe(name: str) -> Recipe:
    """Read a recipe by its name, or from a ``.toml`` file.

    Raises:
        PresetError: no such recipe, not TOML, or a key that is missing, unknown, of the wrong type or range.
    """
    table, origin = read_named(name, _folder(), "recipe")
    return recipe_from_dict(table, Path(name).stem if name.endswith(".toml") else name, origin)


def recipe_from_dict(table: dict[str, Any], name: str, origin: str) -> Recipe:
    """A recipe of what its file holds, as TOML or JSON give it; ``origin`` names it in messages.

    Raises:
        PresetError: as ``load_recipe``.
    """
    file: _File = build(_File, table, origin)
    recipe = Recipe(
        name=name,
        about=file.about,
        seed=file.seed,
        stages=tuple(_stage(entry, f"{origin}.stages[{i}]") for i, entry in enumerate(file.stages)),
    )
    _check(recipe, origin)
    return recipe


def with_budget(recipe: Recipe, steps: int) -> Recipe:
    """The same recipe with so many steps in all, its stages' shares as they were; one without steps stays as it is."""
    total = sum(stage.steps for stage in recipe.stages)
    stages = tuple(replace(stage, steps=round(stage.steps * steps / total)) for stage in recipe.stages if total)
    return replace(recipe, stages=stages or recipe.stages)


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """What a recipe's file holds; ``recipe_from_dict`` takes it back."""
    names = {kind: name for name, kind in STAGES.items()}
    training = {field.name for field in fields(FineTuning)}
    stages = [
        {"do": names[type(stage)]} | {k: v for k, v in asdict(stage).items() if stage.steps or k not in training}
        for stage in recipe.stages
    ]
    return {"about": recipe.about, "seed": recipe.seed, "stages": stages}


def recipe_to_toml(recipe: Recipe) -> str:
    """The text of a recipe's file, for ``load_recipe``."""
    table = recipe_to_dict(recipe)
    parts = [{"about": table["about"], "seed": table["seed"]}, *table["stages"]]
    return "\n[[stages]]\n".join("".join(f"{key} = {_toml(value)}\n" for key, value in p.items()) for p in parts)


def _toml(value: str | float) -> str:
    # Strings and numbers of JSON are TOML's, too, but for one character that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _stage(entry: dict[str, Any], where: str) -> Stage:
    keys = dict(entry)
    name = keys.pop("do", None)
    if name not in STAGES:
        raise PresetError(f"{where}.do must be one of {', '.join(STAGES)}, not {name!r}")
    stage: Stage = build(STAGES[name], keys, where)
    for holds, message in _rules(stage):
        if not holds:
            raise PresetError(f"{where}: {message}")
    return stage


def _rules(stage: Stage) -> Iterator[tuple[bool, str]]:
    yield stage.steps >= 0, f"steps must not be negative, not {stage.steps}"
    yield stage.learning_rate > 0, f"learning_rate must be above 0, not {stage.learning_rate}"
    yield stage.batch > 0, f"batch must be above 0, not {stage.batch}"
    yield stage.decoder >= 0, f"decoder must not be negative, not {stage.decoder}"
    yield not stage.decoder or stage.steps > 0, "decoder needs steps to learn through it"
    yield stage.fitted or stage.steps > 0, "what is not fitted needs steps to learn"
    yield stage.fitted or not isinstance(stage, Clusters), "clusters are always fitted: to the values they begin with"
    match stage:
        case Filters():
            yield stage.criterion in CRITERIA, _choose("criterion", stage.criterion, CRITERIA)
            yield 0 < stage.rate < 1, f"rate must be between 0 and 1, not {stage.rate}"
        case Sparsity():
            yield stage.method in METHODS, _choose("method", stage.method, METHODS)
            yield 0 < stage.rate < 1, f"rate must be between 0 and 1, not {stage.rate}"
            yield stage.method != "2:4" or stage.rate == 0.5, f"rate of 2:4 is 0.5, not {stage.rate}"
            yield stage.steps >= 4, f"sparsity grows over at least 4 steps, not {stage.steps}"
        case Clusters():
            yield 3 <= stage.count <= 256, f"count must be 3 to 256, not {stage.count}"
            yield stage.steps > 0, "clusters need steps to settle in"
            yield 0 <= stage.error < 1, f"error must be at least 0 and below 1, not {stage.error}"
        case Quantise():
            yield stage.kind in KINDS, _choose("kind", stage.kind, KINDS)
            yield stage.activations in ACTIVATIONS, _choose("activations", stage.activations, ACTIVATIONS)
            trained = stage.kind == "qat"
            yield (
                trained == (stage.steps > 0),
                "qat needs steps" if trained else f"{stage.kind} takes no steps; qat does",
            )
            yield trained or stage.activations == "asymmetric", "only qat can make activations symmetric"
            yield stage.sums in SUMS, _choose("sums", stage.sums, SUMS)
            integers = trained or stage.kind == "int8"
            yield integers or stage.sums == "float32", "only int8 and qat can have sums of int8"


def _check(recipe: Recipe, origin: str) -> None:
    if not re.fullmatch(r"[\w.+-]+", recipe.name):
        raise PresetError(f"{origin}: a recipe's name becomes a file's; use letters, digits and _ . + -")
    if not recipe.stages:
        raise PresetError(f"{origin}: stages must not be empty")
    order = [list(STAGES.values()).index(type(stage)) for stage in recipe.stages]
    if order != sorted(order):
        raise PresetError(f"{origin}: stages must come in the order {', '.join(STAGES)}")
    several = [name for i, name in enumerate(STAGES) if name != "filters" and order.count(i) > 1]
    if several:
        raise PresetError(f"{origin}: only one stage can do {several[0]}")


def _choose(key: str, value: str, known: tuple[str, ...]) -> str:
    return f"{key} must be one of {', '.join(known)}, not {value!r}"


def _folder() -> Any:
    return resources.files("edgy_tf") / "compress" / "recipes"
