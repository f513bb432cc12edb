"""Many jobs, here and on a Ray cluster: other processes do them on one thread each, and all results come back."""

from __future__ import annotations

import os
from functools import partial

import pytest

from evaluation.compression.sweep import ONE_THREAD, sweep


def job(factor: int, number: int) -> tuple[int, int, dict[str, str | None]]:
    """What a worker can say of itself."""
    if number < 0:
        raise ValueError(f"no roots of {number}")
    return factor * number, os.getpid(), {name: os.environ.get(name) for name in ONE_THREAD}


@pytest.fixture(params=["here", "ray"])
def ray(request: pytest.FixtureRequest) -> str | None:
    if request.param == "here":
        return None
    request.getfixturevalue("ray_cluster")
    return "auto"


def test_workers_of_one_thread_do_every_job_and_order_is_kept(ray: str | None) -> None:
    jobs = [3, 1, 2]
    told: dict[int, object] = {}
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    found = sweep(partial(job, 10), jobs, ray, told.__setitem__)
    assert [*found] == jobs
    assert [product for product, *_ in found.values()] == [30, 10, 20]
    assert told == found
    for _, process, threads in found.values():
        assert process != os.getpid()
        assert threads == ONE_THREAD
    assert {name: os.environ.get(name) for name in ONE_THREAD} == before


def test_what_a_worker_raises_is_raised_here(ray: str | None) -> None:
    with pytest.raises(ValueError, match="no roots of -1"):
        sweep(partial(job, 10), [-1], ray, lambda *_: None)
