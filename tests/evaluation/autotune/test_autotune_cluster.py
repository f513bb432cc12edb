"""Trials on a Ray cluster of two workers: the same search, and what crashes is repeated."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edgy_tf.compress.recipe import Filters, Recipe
from edgy_tf.errors import ModelError
from evaluation.autotune.limits import Limits, Measures
from evaluation.autotune.search import Search
from evaluation.autotune.trial import Task
from tests.evaluation.autotune.made_up import measures

LIMITS = Limits(max_size=900_000, min_agreement=0.88)


def made_up(task: Task, recipe: Recipe) -> Measures:
    """Runs on a worker; crashes where it is told to, and waits for a second worker."""
    if (task.work / "crash").exists():
        if isinstance(recipe.stages[0], Filters):
            raise RuntimeError("out of memory")
        return measures(recipe)
    (task.work / f"worker-{os.getpid()}").touch()
    while len(list(task.work.glob("worker-*"))) < 2:
        time.sleep(0.1)
    return measures(recipe)


@pytest.mark.usefixtures("ray_cluster")
def test_workers_share_a_search_and_what_crashed_is_repeated(tmp_path: Path) -> None:
    from evaluation.autotune.cluster import run_on_ray

    task = Task("none", (), tmp_path, LIMITS, 0)
    (tmp_path / "crash").touch()
    with pytest.raises(ModelError, match=r"1 trials crashed, .*out of memory"):
        run_on_ray(Search(tmp_path / "out", {}, LIMITS, 3000, 0), task, 5, "auto", made_up)
    (tmp_path / "crash").unlink()
    told: list[int] = []
    search = Search(tmp_path / "out", {}, LIMITS, 3000, 0, lambda trial: told.append(trial.number))
    assert len(search.trials) == 4
    run_on_ray(search, task, 12, "auto", made_up)
    assert sorted(told) == [5, *range(6, 13)]
    assert all(t.measures == measures(t.recipe) for t in search.trials if t.measures and t.recipe)
    assert {t.number for t in search.trials} == set(range(1, 13))
    # Each worker keeps its process, and so its workshop, for all of its trials.
    workers = [path.name for path in tmp_path.glob("worker-*")]
    assert len(workers) == 2
    assert f"worker-{os.getpid()}" not in workers
