"""A recipe as NNCF's configuration: one recipe, two tools."""

from __future__ import annotations

from typing import Any

from edgy_tf.compress.recipe import Filters, FineTuning, Quantise, Recipe, Sparsity, Stage
from edgy_tf.compress.sparsity import GROWTH
from edgy_tf.errors import ModelError

VERSION = "2.19.0"
"""Of NNCF: ``requirements.txt`` pins it and says why."""
IMPORTANCE = {"l1": "L1", "l2": "L2", "gm": "geometric_median"}
EXACT = ["latent"]
"""Layers that stay as they are, here and there."""
ALGORITHMS = {"magnitude": "magnitude_sparsity", "l0": "rb_sparsity"}


def config_of(recipe: Recipe, frames: int, mels: int) -> dict[str, Any]:
    """NNCF's configuration for a recipe; NNCF does all stages at once.

    Args:
        recipe: whose rates, criteria and steps.
        frames: of a crop; filter pruning wants fixed shapes.
        mels: bands.

    Raises:
        ModelError: a stage that NNCF does not have.
    """
    steps = training(recipe).steps
    return {
        "input_info": {"sample_size": [1, frames, mels]},
        "compression": [_algorithm(stage, steps) for stage in recipe.stages],
    }


def training(recipe: Recipe) -> FineTuning:
    """The fine-tuning of all stages together: their steps, at the first one's rate and batch."""
    stages = [stage for stage in recipe.stages if stage.steps]
    if not stages:
        raise ModelError(f"{recipe.name} trains nothing, so it is the converter's work alone and no tool's")
    if any(stage.decoder for stage in stages):
        raise ModelError(f"{recipe.name} learns through the decoder, which NNCF is not given")
    return FineTuning(steps=sum(s.steps for s in stages), learning_rate=stages[0].learning_rate, batch=stages[0].batch)


def _algorithm(stage: Stage, steps: int) -> dict[str, Any]:
    match stage:
        case Filters():
            return {
                "algorithm": "filter_pruning",
                "pruning_init": stage.rate,
                # As ours: at once, in every layer, the strided one included; by default NNCF spares some.
                "params": {
                    "schedule": "baseline",
                    "pruning_target": stage.rate,
                    "filter_importance": IMPORTANCE[stage.criterion],
                    "prune_first_conv": True,
                    "prune_downsample_convs": True,
                },
            }
        case Sparsity(method="magnitude" | "l0"):
            return {
                "algorithm": ALGORITHMS[stage.method],
                "ignored_scopes": EXACT,
                # As TF-MOT's polynomial, and over the same share of the steps.
                "params": {
                    "schedule": "polynomial",
                    "power": 3,
                    "concave": True,
                    "sparsity_target": stage.rate,
                    "sparsity_target_epoch": GROWTH,
                    "update_per_optimizer_step": True,
                    "steps_per_epoch": steps,
                },
            }
        case Quantise(kind="qat"):
            return {
                "algorithm": "quantization",
                # Any other way, TFLite does not run what comes out.
                "overflow_fix": "disable",
                "weights": {
                    "mode": "symmetric",
                    "signed": True,
                    "per_channel": True,
                    "bits": 8,
                    "ignored_scopes": EXACT,
                },
                "activations": {"mode": stage.activations, "bits": 8},
            }
    what = type(stage).__name__.lower()
    kind = getattr(stage, "method", getattr(stage, "kind", ""))
    raise ModelError(f"NNCF {VERSION} has no {f'{what} {kind}'.strip()}")
