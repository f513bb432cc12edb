"""The whole comparison: a matrix through its tools, everything measured, and the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from evaluation.compare.emulated import instructions
from evaluation.compare.lines import lines_of
from evaluation.compare.matrix import Entry, make
from evaluation.compare.report import draw, page
from evaluation.compare.results import ONLY, SHRUNK, Result, form_of
from evaluation.compression.rows import Row
from evaluation.compression.sweep import sweep
from evaluation.compression.task import Task, measure, open_bench, prepare
from evaluation.cost import machine

Say = Callable[[str], object]


def compare(task: Task, entries: Sequence[Entry], utterances: int, ray: str | None, say: Say) -> list[Result]:
    """Make and measure all entries; run it again and it goes on where it was stopped.

    Args:
        task: release, corpus and folder.
        entries: see `evaluation.compare.matrix.matrix`.
        utterances: of each source that words are read from.
        ray: see `evaluation.compression.sweep.sweep`.
        say: is told of progress.

    Returns:
        the release itself in float32, then every variant in the order of the entries.

    Raises:
        EdgyError: no such release, corpus or cluster, or no recogniser.
    """
    reader = prepare(task, [entry.recipe for entry in entries], utterances)
    results = [Result("–", None, ONLY, open_bench(task).baseline())]

    def tell(entry: Entry, rows: list[Row]) -> None:
        for row in rows:
            say(f"{entry.tool} {row.variant}: {row.reason or f'{100 * row.agreement:.2f} % of the codes'}")

    for entry, rows in sweep(partial(make, task), entries, ray, tell).items():
        for row in rows:
            form = form_of(entry.tool, entry.recipe, row.variant)
            lines = lines_of(entry, shrunk=form == SHRUNK)
            results.append(Result(entry.tool, entry.recipe, form, row, lines=lines))
    made = [r.row.variant for r in results if r.made]
    words, costs = measure(task, reader, made)
    return [replace(r, words=words[r.row.variant], cost=costs[r.row.variant]) if r.made else r for r in results]


def write(results: Sequence[Result], task: Task, steps: int, command: str, out: Path) -> Path:
    """Count instructions, and write ``compare.md`` and ``compare.png`` into ``out``; the path of the page."""
    bench = open_bench(task)
    paths = {r.row.variant: bench.path(r.row.variant) for r in results if r.made}
    counts, counted = instructions(paths, task.work / "instructions")
    results = [replace(r, instructions=counts.get(r.row.variant)) for r in results]
    out.mkdir(parents=True, exist_ok=True)
    text = page(results, bench.release.title, command, machine(), steps, counted)
    (out / "compare.md").write_text(text, "utf-8")
    (out / "compare.png").write_bytes(draw(results).light)
    return out / "compare.md"
