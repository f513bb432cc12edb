"""Who is attacked, and by whom the attacker was trained: labelled utterances, and folds without a common speaker."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from edgy_tf.corpora import Utterance
from edgy_tf.errors import CorpusError

Attribute = Literal["gender", "emotion"]

FEWEST = 4
"""Speakers; fewer give no interval worth the name."""

FOLDS = 8
"""Folds where there are speakers enough: an attacker hears seven eighths of them."""


@dataclass(frozen=True)
class Fold:
    """Rows an attacker learns from and rows it is tested on, whose speakers it never heard; int64 ``[n]`` each."""

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def labelled(utterances: Iterable[Utterance], attribute: Attribute) -> list[Utterance]:
    """The utterances whose ``attribute`` is known; of gender, those of adults and of speakers of unknown age."""
    return [u for u in utterances if getattr(u, attribute) is not None and (attribute != "gender" or u.adult)]


def folds(labels: Sequence[str], speakers: Sequence[str], *, seed: int = 0) -> list[Fold]:
    """Folds in which no speaker is on both sides and the classes are spread as evenly as speakers allow.

    Args:
        labels: ``[N]``, the attribute's value for each utterance.
        speakers: ``[N]``.
        seed: another seed gives other folds.

    Returns:
        Up to `FOLDS` folds, fewer where there are fewer speakers; each row is tested exactly once.

    Raises:
        CorpusError: fewer than two classes, fewer than four speakers, or a class that an attacker could not learn
            because too few speakers have it.
    """
    y, groups = np.asarray(labels), np.asarray(speakers)
    classes, people = np.unique(y), np.unique(groups)
    if len(classes) < 2:
        raise CorpusError(f"{len(classes)} class of labels cannot be told apart; add utterances of another")
    if len(people) < FEWEST:
        raise CorpusError(f"{len(people)} speakers are too few to judge by; add some, to at least {FEWEST}")
    for name in classes:
        if len(np.unique(groups[y == name])) < 2:
            raise CorpusError(f"only one speaker has '{name}', so none is left to learn it from; add speakers")
    # scikit-learn takes no more folds than the commonest class has rows, and warns where a rarer one has fewer.
    splitter = StratifiedGroupKFold(
        min(FOLDS, len(people), int(np.unique(y, return_counts=True)[1].max())), shuffle=True, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        parts = [Fold(train, test) for train, test in splitter.split(y, y, groups) if len(test)]
    for fold in parts:
        if missing := set(classes) - set(y[fold.train]):
            raise CorpusError(f"too few speakers have '{min(missing)}' to learn it in every fold; add speakers")
    return parts
