"""What all variants of one sweep have in common, and what is done to each of them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.compress.recipe import Recipe
from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.releases import find_release
from evaluation.compression.rows import Bench, Row
from evaluation.stages import StageCost
from evaluation.utility import Utility
from evaluation.words import Words
from pi_runtime import EdgeEncoder


@dataclass(frozen=True)
class Task:
    """It can be sent to another machine that sees the same folders.

    Attributes:
        release: folder of the release.
        corpus: folders of what it was trained on.
        work: keeps what is done.
    """

    release: Path
    corpus: tuple[str, ...]
    work: Path


@functools.cache
def open_bench(task: Task) -> Bench:
    """The bench of a task, once in a process.

    Raises:
        EdgyError: no such release or corpus.
    """
    release = find_release(str(task.release))
    return Bench(release, Corpus.merge(open_corpus(folder) for folder in task.corpus), task.work)


def prepare(task: Task, recipes: Iterable[Recipe], utterances: int) -> Words:
    """What reads words, of so many ``utterances`` of each source; and the corpus, once for all workers.

    It comes before the hours of work, so that whatever is amiss is said at once.

    Raises:
        EdgyError: no such release or corpus, or no recogniser.
    """
    bench = open_bench(task)
    reader = Words(bench.release, bench.corpus, utterances, "auto", task.work / "texts")
    for seed in {recipe.seed for recipe in recipes}:
        bench.lesson(seed)
    return reader


def make(task: Task, recipe: Recipe) -> Row:
    """The row of a recipe; one that is done is read."""
    return open_bench(task).row(recipe)


def measure(
    task: Task, reader: Words, variants: Sequence[str]
) -> tuple[dict[str, list[Utility]], dict[str, StageCost]]:
    """Words and times of variants that are made, by their names."""
    bench = open_bench(task)
    words = {variant: reader.utility(variant, EdgeEncoder(bench.path(variant)).encode) for variant in variants}
    return words, bench.times(variants)
