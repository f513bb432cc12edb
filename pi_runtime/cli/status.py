"""Show what the running node does, and how the Raspberry Pi is."""

from __future__ import annotations

import argparse
import contextlib

from edgy_tf.errors import EdgyError
from pi_runtime.cli.arguments import add_settings, settings_of

EXAMPLE = "edgy-edge status"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge status``."""
    add_settings(parser)


def run(args: argparse.Namespace) -> None:
    """Print the state of each node that runs on this state folder."""
    from pi_runtime.node.control import ask
    from pi_runtime.node.service import RUN_SOCKET, WYOMING_SOCKET

    folder = settings_of(args).folder
    found = False
    for name in (RUN_SOCKET, WYOMING_SOCKET):
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            status = ask(folder / name, {"ask": "status"})
            found = True
            print(f"edgy-edge {name.removesuffix('.sock')}")
            for key, value in status.items():
                if value is not None:
                    print(f"  {key.replace('_', ' '):24} {value}")
    if not found:
        raise EdgyError(f"no node runs on {folder}; start it with: edgy-edge run")
