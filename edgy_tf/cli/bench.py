"""Measure how fast an encoder loads and runs here, by interpreter and threads, beside Keras and PyTorch."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from edgy_tf.cli.arguments import positive

EXAMPLE = "edgy bench pi --variant int8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy bench``."""
    parser.add_argument("model", metavar="MODEL.tflite|RELEASE", help="a file, or a release by name or folder")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    parser.add_argument("--seconds", type=positive, default=10, help="of audio in a run (default: 10)")
    parser.add_argument("--runs", type=positive, default=20, help="measured runs of each stage (default: 20)")
    parser.add_argument("--json", type=Path, help="write every figure here")


def run(args: argparse.Namespace) -> None:
    """Print one row per runtime, number of threads and stage."""
    from evaluation.bench import bench, table

    rows = bench(args.model, args.variant, args.seconds, args.runs)
    print(table(rows, args.seconds))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
