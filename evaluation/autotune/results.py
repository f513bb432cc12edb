"""What a search found, as files and in words: the winner's recipe, every trial, a page."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgy_tf.compress.recipe import recipe_to_toml
from edgy_tf.weights import atomic_file
from evaluation.autotune.limits import UNITS, Limits, Measures, pareto
from evaluation.autotune.search import Trial
from evaluation.autotune.space import NAME, describe

RECIPE, TABLE, PAGE = f"{NAME}.toml", "trials.tsv", "index.html"

_COLUMNS = (
    "trial", "recipe", "agreement", "bytes", "zipped_bytes", "macs_per_s", "cpu_ms_per_s", "instructions_per_s",
    "wer_rise", "leak_rise", "outcome", "pareto", "sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        trials: all that are finished.
        winner: one of them, or None.
        limits: that it keeps to.
        release: its name or folder, as it was given.
        corpus: folders, as they were given.
        command: that searched.
        machine: where times were measured.
    """

    trials: Sequence[Trial]
    winner: Trial | None
    limits: Limits
    release: str
    corpus: Sequence[str]
    command: str
    machine: str

    @property
    def measured(self) -> list[tuple[Trial, Measures]]:
        """Trials that came to something, with what was measured of them."""
        return [(t, t.measures) for t in self.trials if t.measures]

    @property
    def front(self) -> set[int]:
        """Numbers of the trials that no other beats in agreement, zipped size and time at once."""
        kept = pareto([m for _, m in self.measured])
        return {trial.number for (trial, _), there in zip(self.measured, kept, strict=True) if there}

    def use(self, out: Path) -> str:
        """The command that makes the winner's variant."""
        options = ["--recipe", str(out / RECIPE), "--release", self.release, "--corpus", *self.corpus]
        return shlex.join(["edgy", "compress", *options, "--out", f"releases/{Path(self.release).name}"])

    def nearest(self) -> str:
        """Which limits the trial that is nearest to all of them missed, and by how much."""
        if not self.measured:
            return f"none of {len(self.trials)} trials came to anything: {self.trials[-1].reason}"
        trial, measures = min(self.measured, key=lambda pair: self.limits.distance(pair[1]))
        misses = self.limits.misses(measures)
        return f"no trial met the limits; the nearest, trial {trial.number} ({name(trial)}), missed {misses}"


def name(trial: Trial) -> str:
    """A trial's recipe in a few words."""
    return describe(trial.recipe) if trial.recipe else "nothing"


def outcome(trial: Trial, limits: Limits) -> str:
    """How a trial ended, in words."""
    if not trial.measures:
        return f"failed: {trial.reason}"
    missed = limits.missed(trial.measures)
    return (
        f"misses {', '.join(unit.flag for unit in UNITS if unit.option in missed)}" if missed else "within the limits"
    )


def line(trial: Trial, total: int, best: Trial | None, limits: Limits) -> str:
    """One line of progress."""
    head = f"trial {trial.number} of {total}: {name(trial)}: "
    if not (m := trial.measures):
        return f"{head}{outcome(trial, limits)}"
    figures = [
        f"{100 * m.agreement:.1f} % agreement",
        f"{m.size / 1e6:.2f} MB",
        f"{m.zipped / 1e6:.2f} MB zipped",
        f"{m.ms:.1f} ms",
    ]
    if m.instructions is not None:
        figures.append(f"{m.instructions / 1e6:.1f} M instructions")
    if m.wer_rise is not None:
        figures.append(f"WER {100 * m.wer_rise:+.1f} points")
    if m.leak_rise is not None:
        figures.append(f"leak {100 * m.leak_rise:+.1f} points")
    so_far = f"best so far: {best.number}" if best else "none meets the limits so far"
    return f"{head}{', '.join([*figures, outcome(trial, limits)])} ({so_far})"


def write(found: Found, out: Path) -> None:
    """Write the page, the table of trials and, if there is a winner, its recipe into the folder ``out``.

    Raises:
        ModelError: a file cannot be written.
    """
    from evaluation.autotune.page import build_page

    files = {TABLE: _table(found), PAGE: build_page(found, out)}
    if found.winner and found.winner.recipe:
        about = f"{found.winner.recipe.about}: {name(found.winner)}"
        files[RECIPE] = recipe_to_toml(replace(found.winner.recipe, about=about))
    for file, text in files.items():
        with atomic_file(out / file) as open_file:
            open_file.write(text.encode())


def _table(found: Found) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(_COLUMNS)
    for trial in found.trials:
        row: list[object] = [trial.number, name(trial), *[""] * 8]
        if m := trial.measures:
            row[2:] = [m.agreement, m.size, m.zipped, m.macs, m.ms]
            row += map(_blank, (m.instructions, m.wer_rise, m.leak_rise))
        on_front = "yes" if trial.number in found.front else "no"
        writer.writerow([*row, outcome(trial, found.limits), on_front, trial.measures.sha256 if trial.measures else ""])
    return text.getvalue()


def _blank(value: float | None) -> object:
    return "" if value is None else value
