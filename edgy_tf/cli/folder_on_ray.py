"""Files of a folder on a Ray cluster, by Ray Data: a worker for each CPU, which loads once what it works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgy_tf.cli.work import Work, problem_of
from edgy_tf.errors import EdgyError
from edgy_tf.ray_cluster import connected


class _Worker:
    """A process of the cluster."""

    def __init__(self, start: Callable[[], Work]) -> None:
        self._work = start()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"file": row["file"], "problem": problem_of(self._work, Path(row["file"]), Path(row["target"])) or ""}


def results_on_ray(
    todo: dict[Path, Path], start: Callable[[], Work], address: str
) -> Iterator[tuple[Path, str | None]]:
    """Each file as it is finished, with what went wrong if anything did.

    Raises:
        EdgyError: there is no such cluster, or the work cannot be done on it.
    """
    if not todo:
        return
    with connected(address):
        import ray
        from ray import data

        context = data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        workers = max(1, min(int(ray.cluster_resources().get("CPU", 1)), len(todo)))
        # Other machines have other working directories.
        rows = [{"file": str(file.absolute()), "target": str(target.absolute())} for file, target in todo.items()]
        names = {row["file"]: file for row, file in zip(rows, todo, strict=True)}
        # A block is what a worker takes at a time: a file, so that all end at about the same time.
        worker: Any = _Worker
        done = data.from_items(rows, override_num_blocks=len(rows)).map(
            worker, fn_constructor_args=(start,), num_cpus=1, concurrency=workers
        )
        try:
            for row in done.iter_rows():
                yield names[row["file"]], row["problem"] or None
        except ray.exceptions.RayError as error:
            raise EdgyError(f"the cluster gave up: {str(error).strip().splitlines()[-1]}") from error
