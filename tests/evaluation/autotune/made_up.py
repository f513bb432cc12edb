"""Measures of variants that were never made: cheap, and the same for equal recipes."""

from __future__ import annotations

import hashlib

from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Recipe, Sparsity, recipe_to_toml
from edgy_tf.errors import ModelError
from evaluation.autotune.limits import Measures

SIZES = {"float16": 0.5, "dynamic": 0.3, "int8": 0.25, "int16x8": 0.28, "qat": 0.25}


def measures(recipe: Recipe) -> Measures:
    """The more is taken away, the smaller and the worse; 60 % of the filters cannot be removed."""
    agreement, size, dense = 1.0, 4e6, 1.0
    for stage in recipe.stages:
        match stage:
            case Filters():
                if stage.rate == 0.6:
                    raise ModelError("the preset cannot lose so many filters; choose another rate")
                agreement, size = agreement - 0.3 * stage.rate, size * (1 - stage.rate)
            case Sparsity():
                agreement, dense = agreement - 0.1 * stage.rate, 1 - stage.rate
            case Clusters():
                agreement, dense = agreement - 0.4 / stage.count, dense * 0.6
            case Quantise():
                agreement, size = agreement - (0.05 if stage.kind == "int8" else 0.02), size * SIZES[stage.kind]
    return Measures(
        agreement=agreement,
        size=round(size),
        zipped=round(size * dense),
        macs=50e6,
        ms=size / 1e6,
        sha256=hashlib.sha256(recipe_to_toml(recipe).encode()).hexdigest(),
    )
