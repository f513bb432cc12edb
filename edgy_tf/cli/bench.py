"""Measure how fast an encoder loads and runs here, by interpreter and threads, beside Keras and PyTorch.

Of a preset, an encoder with random weights is made: its time does not depend on them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from edgy_tf.cli.arguments import positive

EXAMPLE = "edgy bench pi --variant int8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy bench``."""
    parser.add_argument(
        "model", metavar="MODEL.tflite|RELEASE|PRESET", help="a file, a release by name or folder, or a preset"
    )
    parser.add_argument("--variant", default="int8", help="encoder of the release or preset (default: int8)")
    parser.add_argument("--seconds", type=positive, default=10, help="of audio in a run (default: 10)")
    parser.add_argument("--runs", type=positive, default=20, help="measured runs of each stage (default: 20)")
    parser.add_argument("--json", type=Path, help="write every figure here")


def run(args: argparse.Namespace) -> None:
    """Print one row per runtime, number of threads and stage."""
    from evaluation.bench import bench, opened, sizes, table

    with opened(args.model, args.variant) as (path, preset):
        rows = bench(path, preset, args.seconds, args.runs)
        print(table(rows, args.seconds))
        print(sizes(path, preset))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
