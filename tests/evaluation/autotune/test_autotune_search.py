"""A search: it keeps to its space, goes on where it was, repeats nothing, and finds what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgy_tf.compress.recipe import Recipe
from edgy_tf.errors import ModelError
from evaluation.autotune.limits import Limits, Measures
from evaluation.autotune.search import JOURNAL, Search, Trial
from tests.evaluation.autotune.made_up import measures

LIMITS = Limits(max_size=900_000, min_agreement=0.88)
ABOUT = {"release": "a", "corpus": "b"}


def _search(out: Path, seed: int = 0, limits: Limits = LIMITS, steps: int = 3000, **about: str) -> Search:
    return Search(out, ABOUT | about, limits, steps, seed)


def _stages(search: Search) -> list[object]:
    return [t.recipe and t.recipe.stages for t in search.trials]


def test_the_winner_is_the_best_within_the_limits_and_better_than_where_it_began(tmp_path: Path) -> None:
    search = _search(tmp_path)
    search.run(60, measures)
    met = [t for t in search.trials if t.measures and LIMITS.met(t.measures)]
    winner = search.winner
    assert winner is not None
    assert winner.measures is not None
    assert winner.measures.agreement == max(t.measures.agreement for t in met if t.measures)
    assert winner.measures == measures(winner.recipe)  # type: ignore[arg-type]
    # The starting points are the first five; none of them fits.
    assert winner.number > 5
    assert len(met) > 5
    failed = [t for t in search.trials if not t.measures]
    assert failed
    assert all(t.reason for t in failed)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = _search(tmp_path / "whole")
    whole.run(24, measures)
    ran: list[Recipe] = []

    def stopped(recipe: Recipe) -> Measures:
        ran.append(recipe)
        # Between drawing and telling, where most of the time goes.
        if len(ran) in (3, 12, 13):
            raise KeyboardInterrupt
        return measures(recipe)

    for trials in (24, 24, 20, 20, 24):
        try:
            _search(tmp_path / "parts").run(trials, stopped)
        except KeyboardInterrupt:
            continue
    parts = _search(tmp_path / "parts")
    assert parts.trials == whole.trials
    assert len(ran) == len({r.stages for r in ran}) + 3
    parts.run(24, lambda recipe: pytest.fail("all trials are done"))


def test_equal_seeds_draw_equal_recipes_and_others_do_not(tmp_path: Path) -> None:
    searches = [_search(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    for search in searches:
        search.run(25, measures)
    first, again, other = map(_stages, searches)
    assert first == again
    assert first != other
    assert first[:5] == other[:5]


def test_no_recipe_is_run_twice(tmp_path: Path) -> None:
    ran: list[Recipe] = []
    told: list[Trial] = []
    search = Search(tmp_path, ABOUT, LIMITS, 3000, 0, told.append)
    search.run(80, lambda recipe: ran.append(recipe) or measures(recipe))  # type: ignore[func-returns-value]
    assert len({r.stages for r in ran}) == len(ran)
    assert [t.number for t in told] == list(range(1, 81))
    by_stages = {t.recipe.stages: t.measures for t in told if t.recipe}
    assert all(t.measures == by_stages[t.recipe.stages] for t in told if t.recipe)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"steps": 99}, "steps"),
        ({"limits": Limits(max_ms=1.0)}, "limits"),
        ({"release": "another"}, "release"),
        ({"corpus": "another"}, "corpus"),
    ],
)
def test_the_folder_of_another_search_is_refused(tmp_path: Path, changed: dict, name: str) -> None:
    _search(tmp_path).run(2, measures)
    before = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(ModelError, match=f"holds a search with another {name}; choose another folder"):
        _search(tmp_path, **changed)
    assert _search(tmp_path).trials
    assert (tmp_path / JOURNAL).read_bytes().startswith(before)


@pytest.mark.parametrize("content", ["nonsense\n", "[]\n[]\n", '{"op_code": 4}\n'])
def test_a_damaged_journal_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / JOURNAL).write_text(content)
    with pytest.raises(ModelError, match="is damaged; choose another folder"):
        _search(tmp_path)
