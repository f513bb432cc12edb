"""A connection to a Ray cluster; for the extra ``ray``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from edgy_tf.errors import EdgyError, MissingDependencyError


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Work on a cluster; a process that is connected already stays so.

    Args:
        address: of the cluster; ``auto`` for one that this machine is part of or, if there is none, for a new one of
            this machine alone.

    Raises:
        MissingDependencyError: Ray is not installed.
        EdgyError: there is no such cluster.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingDependencyError("ray is not installed; run: pip install 'edgy-tf[ray]'") from error
    if ray.is_initialized():
        yield
        return
    try:
        where = None if address == "auto" else address
        ray.init(where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    # Of a cluster that does not start in time, Ray says so by a bare Exception.
    except Exception as error:
        raise EdgyError(f"no Ray cluster at {address}: {str(error).partition(chr(10))[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()
