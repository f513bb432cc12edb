"""Show the privacy level, or choose another: obeyed from the next utterance on."""

from __future__ import annotations

import argparse
import contextlib

from pi_runtime.cli.arguments import add_settings, settings_of

EXAMPLE = "edgy-edge level pseudonym:kitchen"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge level``."""
    parser.add_argument("choice", nargs="?", metavar="LEVEL", help="text, anonymous, pseudonym:NAME or identity")
    add_settings(parser)


def run(args: argparse.Namespace) -> None:
    """Let the running node write the choice down, or do it here where none runs; print the level in force."""
    from pi_runtime.node.control import ask
    from pi_runtime.node.levels import Level
    from pi_runtime.node.service import RUN_SOCKET, WYOMING_SOCKET, chosen_level

    settings = settings_of(args)
    if args.choice is None:
        print(chosen_level(settings).current())
        return
    level = Level.parse(args.choice)
    for name in (RUN_SOCKET, WYOMING_SOCKET):
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            print(ask(settings.folder / name, {"ask": "level", "level": str(level)})["level"])
            return
    settings.folder.mkdir(parents=True, exist_ok=True)
    chosen_level(settings).choose(level)
    print(level)
