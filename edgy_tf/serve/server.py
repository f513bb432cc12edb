"""The application on a socket, by uvicorn."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from edgy_tf.errors import EdgyError
from edgy_tf.serve.app import build_app
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.protocol import MAX_MESSAGE


def build_server(
    cloud: Cloud, host: str, port: int, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Server:
    """A server that is ready to run.

    Args:
        cloud: what it serves; it is closed with the server.
        host: address to listen at.
        port: to listen at; 0 for any that is free.
        certificate: chain in PEM, for TLS.
        key: of the certificate, if it is not in the same file.

    Raises:
        EdgyError: certificate or key cannot be used.
    """
    config = uvicorn.Config(
        build_app(cloud),
        host=host,
        port=port,
        # A line of uvicorn's access log has the query in it, and so the names of voices.
        access_log=False,
        log_config=None,
        server_header=False,
        ws_max_size=MAX_MESSAGE,
        limit_concurrency=cloud.settings.connections,
        timeout_graceful_shutdown=10,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one.
        raise EdgyError(f"the certificate cannot be used ({error}); give --tls-cert and --tls-key in PEM") from error
    return uvicorn.Server(config)
