"""The space of recipes: all that is drawn is a recipe, all that ships can be drawn, and steps are shared."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from edgy_tf.compress.recipe import load_recipe, recipe_from_dict, recipe_names, recipe_to_dict
from edgy_tf.errors import PresetError
from evaluation.autotune.space import FEWEST_STEPS, describe, parameters, starting_points, suggest


@given(st.integers(0, 2**32 - 1), st.integers(FEWEST_STEPS, 10_000))
@settings(deadline=None)
def test_whatever_is_drawn_is_a_recipe_that_trains_for_all_steps(seed: int, steps: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    try:
        recipe = suggest(trial, steps, seed)
    except PresetError:
        assert trial.params == {"criterion": "none", "sparsity": "none", "clusters": False, "quantise": "none"}
        return
    assert recipe_from_dict(recipe_to_dict(recipe), recipe.name, "it") == recipe
    trained = sum(stage.steps for stage in recipe.stages)
    assert trained == (steps if recipe.stages[0].steps else 0)
    assert len(describe(recipe).split(", ")) == len(recipe.stages)
    drawn = {k: round(v, 9) if isinstance(v, float) else v for k, v in trial.params.items()}
    assert parameters(recipe) == drawn


# micro makes another architecture, in more steps than a search has; and a search always fits.
@pytest.mark.parametrize("name", [n for n in recipe_names() if n != "micro" and not n.endswith("_alone")])
def test_recipes_that_ship_can_be_drawn_as_they_are(name: str) -> None:
    shipped = load_recipe(name)
    assert suggest(FixedTrial(parameters(shipped)), 3000, shipped.seed).stages == shipped.stages


def test_it_begins_with_int8_and_recipes_that_ship() -> None:
    begun = [suggest(FixedTrial(p), 3000, 0) for p in starting_points()]
    assert describe(begun[0]) == "int8"
    shipped = {load_recipe(name).stages for name in recipe_names()}
    assert all(recipe.stages in shipped for recipe in begun[1:])
