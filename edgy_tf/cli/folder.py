"""Whole folders by all cores: each file becomes another, those done before are left alone, a failed one is named."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from edgy_tf.cli.folder_on_ray import results_on_ray
from edgy_tf.cli.work import Work, problem_of
from edgy_tf.cpus import cpus
from edgy_tf.errors import EdgyError

_work: Work | None = None


def process_folder(
    source: Path, out: Path, kinds: frozenset[str], kind: str, start: Callable[[], Work], ray: str | None = None
) -> None:
    """Make a file of each in a folder and those below, at the same place below another; print what became of them.

    Args:
        source: folder to read.
        out: folder to write; it may hold what an earlier run made.
        kinds: suffixes of the files to read, lower case.
        kind: suffix of the files to write.
        start: gives each process its work; it is sent to them, and so must be importable.
        ray: address of a Ray cluster to do it on, whose machines must see both folders; None does it here.

    Raises:
        EdgyError: there is no file to read, two would become one, or some failed; the others are done.
    """
    # A folder inside the other must not be read as its source.
    inside = out.resolve()
    files = [p for p in sorted(source.rglob("*")) if p.suffix.lower() in kinds and inside not in p.resolve().parents]
    if not files:
        raise EdgyError(f"no file to work on in {source}; it may hold {', '.join(sorted(kinds))}")
    targets = {file: out / file.relative_to(source).with_suffix(kind) for file in files}
    owners: dict[Path, Path] = {}
    for file, target in targets.items():
        if target in owners:
            raise EdgyError(f"{owners[target]} and {file} would both become {target}; rename one")
        owners[target] = file
    todo = {file: target for file, target in targets.items() if not target.exists()}
    for folder in {target.parent for target in todo.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for file, problem in _results(todo, start) if ray is None else results_on_ray(todo, start, ray):
        if problem:
            failed += 1
            print(f"{file}: {problem}", file=sys.stderr)
    print(f"{len(todo) - failed} files made in {out}, {len(files) - len(todo)} were there already, {failed} failed")
    if failed:
        raise EdgyError(f"{failed} of {len(files)} files failed, as named above; run it again for these alone")


def _results(todo: dict[Path, Path], start: Callable[[], Work]) -> Iterator[tuple[Path, str | None]]:
    """Each file as it is finished, with what went wrong if anything did."""
    if not todo:
        return
    workers = min(cpus(), len(todo))
    # Spawned, because TensorFlow and interpreters do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(start,)) as pool:
        jobs = {pool.submit(_process, file, target): file for file, target in todo.items()}
        for job in as_completed(jobs):
            yield jobs[job], job.result()


def _begin(start: Callable[[], Work]) -> None:
    global _work
    _work = start()


def _process(file: Path, target: Path) -> str | None:
    assert _work is not None
    return problem_of(_work, file, target)
