"""All rows of a matrix: on this machine's cores, or on a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from edgy_tf.cpus import cpus
from edgy_tf.ray_cluster import connected
from evaluation.compare.matrix import Entry, Task, measure
from evaluation.compression.rows import Row

Tell = Callable[[Entry, list[Row]], object]
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
"""Of every worker, NNCF's included: sums have one order then, so a row does not depend on the number of cores."""


def sweep(task: Task, entries: Sequence[Entry], ray: str | None, tell: Tell) -> dict[Entry, list[Row]]:
    """Measure all entries, as many at a time as there are cores.

    Args:
        task: what they have in common.
        entries: of a matrix.
        ray: address of a cluster, see `edgy_tf.ray_cluster.connected`; None for this machine.
        tell: is told of each entry that is done.

    Raises:
        EdgyError: no such cluster, release or corpus.
    """
    found = {}
    for entry, rows in _on_ray(task, entries, ray) if ray else _here(task, entries):
        tell(entry, rows)
        found[entry] = rows
    return {entry: found[entry] for entry in entries}


def _here(task: Task, entries: Sequence[Entry]) -> Iterator[tuple[Entry, list[Row]]]:
    # They are started with this process' environment.
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with ProcessPoolExecutor(min(cpus(), len(entries)), mp_context=get_context("spawn")) as pool:
            running = {pool.submit(measure, task, entry): entry for entry in entries}
            for future in as_completed(running):
                yield running[future], future.result()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _on_ray(task: Task, entries: Sequence[Entry], address: str) -> Iterator[tuple[Entry, list[Row]]]:
    with connected(address):
        import ray

        remote = ray.remote(measure).options(num_cpus=1, runtime_env={"env_vars": ONE_THREAD})
        running = {remote.remote(task, entry): entry for entry in entries}
        while running:
            (done,), _ = ray.wait([*running])
            yield running.pop(done), ray.get(done)
