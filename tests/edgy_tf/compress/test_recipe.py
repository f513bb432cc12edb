"""Recipes: what ships can be read, and a mistake in one is a line that says where."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.compress.recipe import (
    Clusters,
    Filters,
    Quantise,
    Sparsity,
    load_recipe,
    recipe_from_dict,
    recipe_names,
    recipe_to_toml,
    with_budget,
)
from edgy_tf.errors import PresetError

PAPER = [f"{name}_{rate}" for name in ("PFL1", "PFL2", "PFGM", "MS", "RBS") for rate in (20, 40, 60)]
GOOD = """
about = "a test"
seed = 7
stages = [
    { do = "filters", criterion = "gm", rate = 0.2, steps = 5 },
    { do = "sparsity", method = "magnitude", rate = 0.5, steps = 5, learning_rate = 1e-4, batch = 8 },
    { do = "clusters", count = 16, steps = 5 },
    { do = "quantise", kind = "qat", steps = 5 },
]
"""


def test_the_paper_s_variants_and_those_of_tf_mot_ship() -> None:
    expected = {*PAPER, "Symmetric", "Asymmetric", "clusters_16", "clusters_32", "PQAT", "CQAT", "PCQAT", "edge"}
    assert expected <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_that_ship_are_whole(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    # Equal budgets, or a technique would look better for having learnt longer.
    learns = any(stage.steps for stage in recipe.stages)
    assert learns != (name in ("float16", "dynamic", "int8", "int16x8"))
    # micro makes another architecture, which nobody compares with these.
    assert not learns or name == "micro" or sum(stage.steps * stage.batch for stage in recipe.stages) == 3000 * 32


@pytest.mark.parametrize("name", ["edge", "PFGM_20", "int8"])
def test_a_budget_is_shared_as_the_recipe_shares_its_own(name: str) -> None:
    recipe = load_recipe(name)
    small = with_budget(recipe, 300)
    assert [stage.steps for stage in small.stages] == [stage.steps / 10 for stage in recipe.stages]
    assert with_budget(small, 3000) == recipe


@pytest.mark.parametrize("name", PAPER)
def test_names_of_the_paper_s_recipes_say_what_they_do(name: str) -> None:
    (stage,) = load_recipe(name).stages
    technique, rate = name.split("_")
    assert isinstance(stage, Filters | Sparsity)
    assert stage.rate == int(rate) / 100
    kind = stage.criterion if isinstance(stage, Filters) else stage.method
    assert kind == {"PFL1": "l1", "PFL2": "l2", "PFGM": "gm", "MS": "magnitude", "RBS": "l0"}[technique]


def test_a_file_is_a_recipe_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    recipe = load_recipe(str(path))
    assert (recipe.name, recipe.seed) == ("mine", 7)
    assert [type(stage) for stage in recipe.stages] == [Filters, Sparsity, Clusters, Quantise]
    assert (recipe.stages[1].learning_rate, recipe.stages[1].batch) == (1e-4, 8)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("rate = 0.2", "rate = 1.2", r"stages\[0\]: rate must be between 0 and 1, not 1.2"),
        ("rate = 0.2", "rate = 0", r"stages\[0\]: rate"),
        ("rate = 0.2", "rate = nan", r"stages\[0\]\.rate must be a finite number"),
        ("rate = 0.2", "rat = 0.2", r"stages\[0\] has an unknown key 'rat'; it knows .*rate"),
        (", rate = 0.2", "", r"stages\[0\] lacks rate"),
        ('"gm"', '"median"', r"stages\[0\]: criterion must be one of l1, l2, gm"),
        ('"magnitude"', '"random"', r"stages\[1\]: method must be one of"),
        ('"magnitude", rate = 0.5', '"2:4", rate = 0.6', r"stages\[1\]: rate of 2:4 is 0.5"),
        ("count = 16", "count = 2", r"stages\[2\]: count must be 3 to 256"),
        ("count = 16", "count = 16.5", r"stages\[2\]\.count must be int"),
        ("count = 16", "count = 16, error = -1", r"stages\[2\]: error must be at least 0 and below 1"),
        ('"qat", steps = 5', '"qat", steps = 5, sums = "int4"', r"stages\[3\]: sums must be one of float32, int8"),
        ('"qat", steps = 5', '"int16x8", sums = "int8"', r"stages\[3\]: only int8 and qat"),
        ('"qat", steps = 5', '"qat"', r"stages\[3\]: qat needs steps"),
        ('"qat"', '"int8"', r"stages\[3\]: int8 takes no steps"),
        ('"qat", steps = 5', '"int8", activations = "symmetric"', r"stages\[3\]: only qat"),
        ('"quantise"', '"quantize"', r"stages\[3\]\.do must be one of filters, sparsity, clusters, quantise"),
        ("learning_rate = 1e-4", "learning_rate = 0", r"stages\[1\]: learning_rate must be above 0"),
        ("batch = 8", "batch = 0", r"stages\[1\]: batch must be above 0"),
        ("batch = 8", "decoder = -1", r"stages\[1\]: decoder must not be negative"),
        ('"qat", steps = 5', '"int8", decoder = 1', r"stages\[3\]: decoder needs steps"),
        ('"qat", steps = 5', '"int8", fitted = false', r"stages\[3\]: what is not fitted needs steps"),
        ("count = 16", "count = 16, fitted = false", r"stages\[2\]: clusters are always fitted"),
        ("steps = 5 },", "steps = -1 },", r"stages\[0\]: steps must not be negative"),
        ("seed = 7", "seeds = 7", "unknown key 'seeds'"),
        ("stages = [", "stages = [] #[", "is not valid TOML"),
        (
            'do = "clusters", count = 16',
            'do = "filters", criterion = "gm", rate = 0.2',
            "stages must come in the order",
        ),
        ('do = "clusters", count = 16', 'do = "sparsity", method = "l0", rate = 0.2', "only one stage can do sparsity"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    assert right in GOOD
    path.write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(PresetError, match=complaint) as caught:
        load_recipe(str(path))
    assert "\n" not in str(caught.value)


def test_a_recipe_that_does_nothing_or_cannot_be_a_file_s_name_is_refused(tmp_path: Path) -> None:
    empty, spaced = tmp_path / "empty.toml", tmp_path / "my recipe.toml"
    empty.write_text('about = "a test"\nseed = 0\nstages = []\n')
    spaced.write_text(GOOD)
    with pytest.raises(PresetError, match="stages must not be empty"):
        load_recipe(str(empty))
    with pytest.raises(PresetError, match="name becomes a file's"):
        load_recipe(str(spaced))
    with pytest.raises(PresetError, match=r"no recipe 'edgy'; choose one of .*edge"):
        load_recipe("edgy")


@given(st.sampled_from(recipe_names()), st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**31))
def test_a_recipe_is_written_as_it_is_read(name: str, about: str, seed: int) -> None:
    recipe = replace(load_recipe(name), about=about, seed=seed)
    assert recipe_from_dict(tomllib.loads(recipe_to_toml(recipe)), name, "it") == recipe
