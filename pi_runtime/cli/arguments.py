"""Command line arguments and logging that several commands share."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi_runtime.node.settings import Settings


def add_settings(parser: argparse.ArgumentParser, *overrides: str) -> None:
    """Declare ``--settings``, ``--state``, and an option for each of ``overrides``, which replaces that key."""
    parser.add_argument("--settings", type=Path, help="settings file (default: /etc/edgy-edge.toml, if there)")
    about = {
        "state": "folder of spool, ledger and choices",
        "source": "microphone[:NAME], a sound file, - (raw int16 at 16 kHz), or tcp://HOST:PORT (Wyoming)",
        "sink": "wss://HOST or https://HOST (a cloud), a folder, or - (standard output)",
        "level": "text, anonymous, pseudonym:NAME or identity",
    }
    for name in ("state", *overrides):
        parser.add_argument(f"--{name}", help=about[name])


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings file, with what the command line replaces.

    Raises:
        SettingsError: as `load_settings`.
    """
    from pi_runtime.node.settings import load_settings

    changes = {k: v for k, v in vars(args).items() if k in ("state", "source", "sink", "level")}
    return load_settings(args.settings, **changes)


def log_to_stderr() -> None:
    """Lines for people, on standard error; with the time, unless systemd's journal adds it."""
    time = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{time}%(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    logging.getLogger("websockets").setLevel(logging.WARNING)
