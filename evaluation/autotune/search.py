"""A search that is kept: Optuna draws recipes, a journal in the folder holds every trial, and any run goes on there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from edgy_tf.compress.recipe import Recipe, recipe_from_dict, recipe_to_dict
from edgy_tf.errors import EdgyError, ModelError
from evaluation.autotune.limits import Limits, Measures, best
from evaluation.autotune.space import NAME, starting_points, suggest

JOURNAL = "trials.log"

_IMPOSSIBLE = 1e6
"""Excess of a trial that came to nothing, above that of any other."""

Tell = Callable[["Trial"], object]


@dataclass(frozen=True)
class Trial:
    """A recipe that was tried.

    Attributes:
        number: from 1.
        recipe: None where none could be made of what was drawn.
        measures: None where it failed.
        reason: why it failed.
    """

    number: int
    recipe: Recipe | None
    measures: Measures | None
    reason: str = ""


class Search:
    """The trials of one release, corpus and set of limits.

    Args:
        out: folder of the search; it is made if missing.
        about: what the trials depend on, as plain values; a folder that holds a search of something else is refused.
        limits: that the winner keeps to.
        steps: of training in a trial.
        seed: of all that is drawn. The n-th draw follows from it and the trials before, so a search that was stopped
            goes on as if it had not been; but times that were measured differ from run to run.
        tell: is told every trial that is finished.

    Raises:
        ModelError: the folder holds another search, or its journal is damaged.
    """

    def __init__(
        self,
        out: Path,
        about: dict[str, Any],
        limits: Limits,
        steps: int,
        seed: int,
        tell: Tell = lambda trial: None,
    ) -> None:
        self._limits, self._steps, self._seed, self._tell = limits, steps, seed, tell
        about = json.loads(json.dumps(about | {"limits": asdict(limits), "steps": steps, "seed": seed}))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        out.mkdir(parents=True, exist_ok=True)
        try:
            storage = JournalStorage(JournalFileBackend(str(out / JOURNAL)))
            self._study = optuna.create_study(
                storage=storage,
                study_name="autotune",
                directions=["maximize", "minimize", "minimize"],
                load_if_exists=True,
            )
        except (ValueError, LookupError, TypeError) as error:
            raise ModelError(f"{out / JOURNAL} is damaged; choose another folder") from error
        self._about, before = about, self._study.user_attrs.get("about", about)
        if changed := [name for name in about if about[name] != before.get(name)]:
            raise ModelError(f"{out} holds a search with another {', '.join(changed)}; choose another folder")
        # What was stopped half-way is drawn again, as it was.
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    @property
    def trials(self) -> list[Trial]:
        """Those that are finished, in the order of their numbers."""
        return [_trial(t) for t in self._kept(TrialState.COMPLETE, TrialState.PRUNED)]

    @property
    def winner(self) -> Trial | None:
        """See `evaluation.autotune.limits.best`."""
        measured = [(t, t.measures) for t in self.trials if t.measures]
        place = best([m for _, m in measured], self._limits)
        return None if place is None else measured[place][0]

    def left(self, trials: int) -> int:
        """How many of ``trials`` are neither finished nor under way."""
        return max(0, trials - self._begun)

    def ask(self, trials: int) -> tuple[int, Recipe] | None:
        """Number and recipe of the next trial that has to be run; None when ``trials`` are finished or under way.

        What cannot be a recipe, and what was tried before, needs no run and is told at once.
        """
        if "about" not in self._study.user_attrs:
            for parameters in starting_points():
                self._study.enqueue_trial(parameters)
            self._study.set_user_attr("about", self._about)
        while self.left(trials):
            # Of its own for each trial, so that a search that goes on does not draw its first numbers again.
            self._study.sampler = TPESampler(seed=self._seed + self._begun)
            drawn = self._study.ask()
            number = drawn.number + 1
            try:
                recipe = suggest(drawn, self._steps, self._seed)
            except EdgyError as error:
                self.fail(number, str(error))
                continue
            same = self._same(recipe)
            drawn.set_user_attr("recipe", recipe_to_dict(recipe))
            if same is None:
                return number, recipe
            if same.measures:
                self.finish(number, same.measures)
            else:
                self.fail(number, same.reason)
        return None

    def finish(self, number: int, measures: Measures) -> None:
        """Keep what was measured of a trial."""
        trial = self._running(number)
        trial.set_user_attr("measures", asdict(measures))
        for name, beyond in self._limits.excess(measures).items():
            trial.set_constraint(name, beyond)
        self._study.tell(trial, [measures.agreement, measures.zipped, measures.ms])
        self._told(number)

    def fail(self, number: int, reason: str) -> None:
        """Keep why a trial came to nothing."""
        trial = self._running(number)
        trial.set_user_attr("reason", reason)
        # Or the sampler would hold it for better than any trial that misses a limit.
        trial.set_constraint("possible", _IMPOSSIBLE)
        self._study.tell(trial, state=TrialState.PRUNED)
        self._told(number)

    def run(self, trials: int, measure: Callable[[Recipe], Measures]) -> None:
        """Run what is missing of ``trials``, one after the other."""
        while (asked := self.ask(trials)) is not None:
            number, recipe = asked
            try:
                measures = measure(recipe)
            except EdgyError as error:
                self.fail(number, str(error))
            else:
                self.finish(number, measures)

    def _same(self, recipe: Recipe) -> Trial | None:
        stages = recipe_to_dict(recipe)["stages"]
        finished = self._kept(TrialState.COMPLETE, TrialState.PRUNED)
        return next((_trial(t) for t in finished if t.user_attrs.get("recipe", {}).get("stages") == stages), None)

    @property
    def _begun(self) -> int:
        return len(self._kept()) - len(self._kept(TrialState.WAITING))

    def _kept(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states or None)

    def _running(self, number: int) -> optuna.Trial:
        return optuna.Trial(self._study, self._kept()[number - 1]._trial_id)

    def _told(self, number: int) -> None:
        self._tell(_trial(self._kept()[number - 1]))


def _trial(frozen: FrozenTrial) -> Trial:
    kept = frozen.user_attrs
    return Trial(
        number=frozen.number + 1,
        recipe=recipe_from_dict(kept["recipe"], NAME, "the journal") if "recipe" in kept else None,
        measures=Measures(**kept["measures"]) if "measures" in kept else None,
        reason=kept.get("reason", ""),
    )
