"""What all variants of one sweep have in common, and one recipe of it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.compress.recipe import Recipe
from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.releases import find_release
from evaluation.compression.rows import Bench, Row

WORK = Path("out/compression")
"""Keeps what is done of all sweeps, so that none makes what another one has made."""


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


def row(task: Task, recipe: Recipe) -> Row:
    """The row of a recipe; one that is done is read."""
    return open_bench(task).row(recipe)
