"""Measure how fast an encoder loads, pre-processes and encodes on this device, and how much memory it takes."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from edgy_tf.cli.arguments import positive

EXAMPLE = "edgy-edge bench --variant int8 --threads 1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge bench``."""
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    parser.add_argument("--model", type=Path, help="an encoder .tflite instead of a release's")
    parser.add_argument("--threads", type=positive, default=1, help="of the interpreter (default: 1)")
    parser.add_argument("--seconds", type=positive, default=30, help="of audio, after 1 s unmeasured (default: 30)")
    parser.add_argument("--json", type=Path, help="write every figure here")


def run(args: argparse.Namespace) -> None:
    """Print the figures in the words of TensorFlow Lite's ``benchmark_model``."""
    from edgy_tf.releases import find_release
    from pi_runtime.benchmark import benchmark

    path = args.model or find_release(args.release).encoder(args.variant)
    figures = benchmark(path, args.threads, args.seconds)
    print(figures)
    if args.json:
        args.json.write_text(json.dumps(asdict(figures), indent=1) + "\n", "utf-8")
