"""Speech to text for Home Assistant, as a Wyoming service that sends codes to the cloud, never sound."""

from __future__ import annotations

import argparse

from edgy_tf.errors import MissingDependencyError
from pi_runtime.cli.arguments import add_settings, log_to_stderr, settings_of

EXAMPLE = "edgy-edge wyoming --uri tcp://0.0.0.0:10300 --sink wss://edgy.example.org"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge wyoming``."""
    add_settings(parser, "sink", "level")
    parser.add_argument(
        "--uri",
        default="tcp://127.0.0.1:10300",
        help="tcp://HOST:PORT, unix://PATH or stdio://; Wyoming knows neither passwords nor encryption "
        "(default: tcp://127.0.0.1:10300)",
    )


def run(args: argparse.Namespace) -> None:
    """Serve until SIGTERM comes."""
    import asyncio

    from pi_runtime.node.service import run_wyoming

    log_to_stderr()
    try:
        asyncio.run(run_wyoming(settings_of(args), args.uri))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "wyoming":
            raise
        raise MissingDependencyError("wyoming is not installed; run: pip install 'edgy-tf[wyoming]'") from error
