"""Listen, encode speech, send its codes: sound never leaves."""

from __future__ import annotations

import argparse

from pi_runtime.cli.arguments import add_settings, log_to_stderr, settings_of

EXAMPLE = "edgy-edge run --source microphone --sink wss://edgy.example.org --level anonymous"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge run``."""
    add_settings(parser, "source", "sink", "level")


def run(args: argparse.Namespace) -> None:
    """Run until the source ends or SIGTERM comes; words that the cloud understood go to standard output."""
    import asyncio

    from pi_runtime.node.service import run_node

    log_to_stderr()
    asyncio.run(run_node(settings_of(args)))
