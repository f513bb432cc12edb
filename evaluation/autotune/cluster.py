"""Trials of a search on a cluster, by Ray Tune: the same search and the same measurement, several at a time.

Ray's own ``OptunaSearch`` keeps a study of its own and tells it no constraints; so Ray is given our search.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from edgy_tf.compress.recipe import Recipe, recipe_from_dict, recipe_to_dict
from edgy_tf.errors import EdgyError, ModelError
from edgy_tf.ray_cluster import connected
from evaluation.autotune.limits import Measures
from evaluation.autotune.search import Search
from evaluation.autotune.space import NAME
from evaluation.autotune.trial import Task, Workshop


def measure(task: Task, recipe: Recipe) -> Measures:
    """Compress and measure in this process' workshop, which is opened once."""
    return _workshop(task).measure(recipe)


def run_on_ray(
    search: Search, task: Task, trials: int, address: str, measure: Callable[[Task, Recipe], Measures] = measure
) -> None:
    """Run what is missing of ``trials``, as many at a time as the cluster has CPUs.

    Args:
        search: keeps the trials.
        task: what each worker opens; all machines must see its folders.
        trials: in total.
        address: of the cluster, as `edgy_tf.ray_cluster.connected` takes it.
        measure: what a worker does.

    Raises:
        EdgyError: there is no such cluster.
        ModelError: a worker crashed.
    """
    # Ray's own table of trials; ours are told by the search.
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    with connected(address):
        analysis = tune.run(
            tune.with_parameters(_trial, task=task, measure=measure),
            search_alg=_Draws(search, trials),
            num_samples=search.left(trials),
            resources_per_trial={"cpu": 1},
            # A new process would open the workshop again.
            reuse_actors=True,
            raise_on_failed_trial=False,
            storage_path=str(task.work / "ray"),
            verbose=0,
        )
    if crashed := [trial for trial in analysis.trials if trial.status == "ERROR"]:
        why = str(crashed[0].get_error() or "").strip().splitlines()
        raise ModelError(f"{len(crashed)} trials crashed, the same command repeats them: {why[-1] if why else ''}")


@functools.cache
def _workshop(task: Task) -> Workshop:
    return Workshop(task)


def _trial(config: dict[str, Any], task: Task, measure: Callable[[Task, Recipe], Measures]) -> dict[str, Any]:
    """What runs on a worker."""
    try:
        return {"measures": measure(task, recipe_from_dict(config["recipe"], NAME, "the trial"))}
    except EdgyError as error:
        return {"reason": str(error)}


class _Draws(Searcher):
    """A search as Ray Tune sees it."""

    def __init__(self, search: Search, trials: int) -> None:
        super().__init__()
        self._search, self._trials = search, trials
        self._numbers: dict[str, int] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict, **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> Any:
        if (asked := self._search.ask(self._trials)) is None:
            return Searcher.FINISHED
        self._numbers[trial_id], recipe = asked
        return {"recipe": recipe_to_dict(recipe)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        number = self._numbers.pop(trial_id)
        # Of a worker that crashed, nothing is known: the trial stays open, and the next run repeats it.
        if result and "measures" in result:
            self._search.finish(number, result["measures"])
        elif result and "reason" in result:
            self._search.fail(number, result["reason"])

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the search keeps itself."""

    restore = save
