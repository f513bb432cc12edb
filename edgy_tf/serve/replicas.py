"""The server on a Ray cluster, by Ray Serve: equal replicas of the same application behind one address."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.ray_cluster import connected

NAME = "edgy"
"""Of the application in the cluster."""


@contextmanager
def replicas(
    build: Callable[[], FastAPI],
    address: str,
    host: str,
    port: int,
    count: int,
    requests: int,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Iterator[None]:
    """Serve an application from replicas while the context lasts.

    A replica that is lost takes its requests with it, whose clients get a 5xx or a closed connection, and its streams,
    whose devices connect again and begin anew; Ray starts another one.

    Args:
        build: makes the application, once in each replica's process.
        address: of the cluster, as `edgy_tf.ray_cluster.connected` takes it.
        host: address to listen at.
        port: to listen at.
        count: of replicas.
        requests: that a replica may have at a time; those above wait before it.
        certificate: chain in PEM, for TLS.
        key: of the certificate, if it is not in the same file.

    Raises:
        MissingDependencyError: Ray Serve is not installed.
        EdgyError: there is no such cluster, or no replica starts.
    """
    with connected(address):
        try:
            from ray import serve
            from ray.serve.config import HTTPOptions
            from ray.serve.schema import LoggingConfig
        except ImportError as error:
            raise MissingDependencyError("Ray Serve is not installed; run: pip install 'edgy-tf[serve,ray]'") from error

        def application() -> FastAPI:  # Ray takes no other callable for a builder.
            return build()

        # The access log has paths in it, and so ids of voices.
        quiet = LoggingConfig(log_level=logging.WARNING, enable_access_log=False)
        files: dict[str, Any] = {}
        if certificate:
            files = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key or certificate)}
        serve.start(http_options=HTTPOptions(host=host, port=port, **files), logging_config=quiet)
        deployment = serve.deployment(
            name=NAME, num_replicas=count, max_ongoing_requests=requests, logging_config=quiet
        )(serve.ingress(application)())
        try:
            try:
                serve.run(deployment.bind(), name=NAME, route_prefix="/", logging_config=quiet)
            except RuntimeError as error:
                raise EdgyError(f"no replica starts: {str(error).strip().splitlines()[-1]}") from error
            yield
        finally:
            serve.delete(NAME)


def until_told() -> None:
    """Wait for SIGINT or SIGTERM."""
    import signal

    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    told.wait()
