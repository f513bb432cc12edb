"""Many variants: on this machine's cores, or on a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

from edgy_tf.cpus import cpus
from edgy_tf.ray_cluster import connected

Job = TypeVar("Job")
Done = TypeVar("Done")
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
"""Of every worker, NNCF's included: sums have one order then, so a row does not depend on the number of cores."""


def sweep(
    do: Callable[[Job], Done], jobs: Sequence[Job], ray: str | None, tell: Callable[[Job, Done], object]
) -> dict[Job, Done]:
    """What comes of all jobs, as many at a time as there are cores.

    Args:
        do: does one, in another process: a function of a module, or a ``partial`` of one.
        jobs: no two of them equal.
        ray: address of a cluster, see `edgy_tf.ray_cluster.connected`; None for this machine.
        tell: is told of each job that is done.

    Raises:
        EdgyError: no such cluster, or what ``do`` raises.
    """
    found = {}
    for job, done in _on_ray(do, jobs, ray) if ray else _here(do, jobs):
        tell(job, done)
        found[job] = done
    return {job: found[job] for job in jobs}


def _here(do: Callable[[Job], Done], jobs: Sequence[Job]) -> Iterator[tuple[Job, Done]]:
    # They are started with this process' environment.
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with ProcessPoolExecutor(min(cpus(), len(jobs)), mp_context=get_context("spawn")) as pool:
            running = {pool.submit(do, job): job for job in jobs}
            for future in as_completed(running):
                yield running[future], future.result()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _on_ray(do: Callable[[Job], Done], jobs: Sequence[Job], address: str) -> Iterator[tuple[Job, Done]]:
    with connected(address):
        import ray

        # Ray wants a function, and a partial is none.
        remote: Any = ray.remote(lambda job: do(job)).options(num_cpus=1, runtime_env={"env_vars": ONE_THREAD})
        running = {remote.remote(job): job for job in jobs}
        while running:
            (done,), _ = ray.wait([*running])
            yield running.pop(done), ray.get(done)
