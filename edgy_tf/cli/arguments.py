"""Command line arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from edgy_tf.errors import MissingDependencyError

SWEEPS = Path("out/compression")
"""Keeps what is done by commands that make many variants, so that none makes what another one has made."""


def positive(text: str) -> int:
    """A whole number above 0."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return number


def add_training_arguments(parser: argparse.ArgumentParser, out: str, seed: str, every: int = 200) -> None:
    """Declare what every training takes; ``out`` and ``seed`` say what these are for, ``every`` is a default."""
    parser.add_argument("--corpus", required=True, nargs="+", help="folders of speech, see docs/corpora.md")
    parser.add_argument("--out", required=True, type=Path, help=f"folder for {out} and logs")
    parser.add_argument("--seed", type=int, default=0, help=f"of {seed} (default: 0)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", "float16"),
        default="auto",
        help="float16 scales the loss dynamically; auto: float16 on a GPU, else float32",
    )
    parser.add_argument(
        "--prepared",
        type=Path,
        metavar="FOLDER",
        help="of the prepared corpus; trainings on the same speech can share it (default: OUT/prepared)",
    )
    parser.add_argument("--every", type=positive, default=every, help=f"steps between checkpoints (default: {every})")


def corpus_words(folders: Iterable[str]) -> list[str]:
    """``--corpus`` as a page shows it: without the folders of this machine."""
    return ["--corpus", *(Path(folder).resolve().name for folder in folders)]


def check_ray(args: argparse.Namespace) -> None:
    """Refuse ``--ray`` before the work that comes first.

    Raises:
        MissingDependencyError: Ray is not installed.
    """
    if args.ray and find_spec("ray") is None:
        raise MissingDependencyError("--ray needs ray; run: pip install 'edgy-tf[ray]'")
