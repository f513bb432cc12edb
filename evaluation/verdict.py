"""What a set of attacks on one attribute means: which count, which is the best, and whether anything is protected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from evaluation.metrics import balanced_accuracy, bootstrap

Scenario = Literal["raw", "ignorant", "lazy-informed", "semi-informed", "code-level"]
"""What an attacker was trained on and is tested on.

- ``raw``: raw and raw, no privacy at all: shows that the attackers work.
- ``ignorant``: raw and processed. It does not know of the processing.
- ``lazy-informed``: raw and processed, too, but what it is tested on is brought to raw speech's means and deviations:
  it has heard processed speech, of which it knows nothing else. (In speaker verification the lazy-informed attacker
  enrols processed speech; nobody enrols for an attribute, and this is what such speech is good for here.)
- ``semi-informed``: processed and processed. It owns the same model and ran its own corpus through it.
- ``code-level``: codes and codes. It reads the wire.
"""

Key = tuple[Scenario, str, str]
"""Scenario, features and classifier: what tells one attacker from another."""

Outcome = Literal["protected", "not protected", "not measured (attackers too weak)"]

RAW_BARS = {"gender": 0.95, "emotion": 0.50}
"""Balanced accuracy attackers must reach on raw speech before their failure says anything."""


@dataclass(frozen=True)
class Score:
    """A balanced accuracy (UAR), 0 to 1, and its 95 % interval over speakers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Attack:
    """One attacker's result on all folds together.

    Attributes:
        scenario: see `Scenario`.
        features: what it looked at.
        classifier: how it learned.
        score: as it came out.
        broken: significantly below chance. Its answers do tell of the attribute, so it is no sign of privacy.
        counted: the score the verdict uses: ``score`` itself; of a broken attacker, what is left after flipping
            its answers (two classes), or the score of the same classifier retrained on processed speech (more);
            None where a broken one has no retrained fellow.
    """

    scenario: Scenario
    features: str
    classifier: str
    score: Score
    broken: bool
    counted: Score | None


@dataclass(frozen=True)
class Measurement:
    """Everything that attackers found out about one attribute.

    Attributes:
        attribute: ``gender`` or ``emotion``.
        classes: its values.
        utterances: how many were tested.
        speakers: how many people spoke them.
        bar: what the best attacker must reach on raw speech.
        margin: how far above chance an attribute still counts as protected.
        attacks: every scenario, feature set and classifier.
    """

    attribute: str
    classes: tuple[str, ...]
    utterances: int
    speakers: int
    bar: float
    margin: float
    attacks: tuple[Attack, ...]

    @property
    def chance(self) -> float:
        """What guessing scores, however unequal the classes are."""
        return 1 / len(self.classes)

    @property
    def raw(self) -> Attack | None:
        """The best attack on raw speech, None if there was none."""
        return max((a for a in self.attacks if a.scenario == "raw"), key=lambda a: a.score.value, default=None)

    @property
    def best(self) -> Attack | None:
        """The best attack on what left the device; None if there was none, or all of them are broken.

        It is picked by the very score it is reported with. Picking it on validation data would give an unbiased
        figure of *one* attacker; an audit wants the worst case, and the best of many lies a little above it.
        """
        counting = [(a.counted.value, a) for a in self.attacks if a.scenario != "raw" and a.counted]
        return max(counting, key=lambda pair: pair[0], default=(0, None))[1]

    @property
    def outcome(self) -> Outcome:
        """The verdict, from the best attack alone.

        A leak is a leak whatever the attackers can do with raw speech: ``not protected`` if the best attack's
        interval lies above chance plus margin. Otherwise ``protected`` needs attackers that reach the bar on raw
        speech. Few speakers give wide intervals: read ``best.counted`` beside the word.
        """
        if self.best and self.best.counted and self.best.counted.low > self.chance + self.margin:
            return "not protected"
        if self.best and self.raw and self.raw.score.value >= self.bar:
            return "protected"
        return "not measured (attackers too weak)"


def score(
    truth: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], speakers: npt.NDArray[np.str_], *, seed: int = 0
) -> Score:
    """Balanced accuracy of ``answers`` with its interval; whole speakers are drawn. All are ``[N]``.

    The interval is over other speakers to test on. That other speakers to learn from make another attacker is not
    in it: where there is nothing to learn, three or four of five intervals of two dozen speakers hold chance, not
    19 of 20. The margin of a verdict is there for that.

    Raises:
        CorpusError: there is only one speaker.
    """
    low, high = bootstrap(balanced_accuracy, truth, answers, groups=speakers, seed=seed)
    return Score(balanced_accuracy(truth, answers), low, high)


def judge(scores: Mapping[Key, Score], classes: int) -> tuple[Attack, ...]:
    """Tell broken attackers, and what each attacker counts for.

    Args:
        scores: of every attacker, in the order of the result.
        classes: how many values the attribute has.
    """
    chance = 1 / classes

    def counted(scenario: Scenario, features: str, classifier: str) -> Score | None:
        own = scores[scenario, features, classifier]
        if own.high >= chance:
            return own
        if classes == 2:
            return Score(1 - own.value, 1 - own.high, 1 - own.low)
        retrained = scores.get(("semi-informed", features, classifier))
        return retrained if retrained and retrained.high >= chance else None

    return tuple(Attack(*key, own, own.high < chance, counted(*key)) for key, own in scores.items())
