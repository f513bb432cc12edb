"""Read an .edgy stream: codes in, text out, and no sound is made in between."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.decode import open_stream

EXAMPLE = "edgy transcribe out.edgy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy transcribe``."""
    parser.add_argument("source", type=Path, metavar="IN", help=".edgy stream")
    parser.add_argument("--release", help="release or exported folder (default: the installed one of that codebook)")
    parser.add_argument("--recogniser", default="auto", help="whisper-base or whisper:MODEL (default: the installed)")


def run(args: argparse.Namespace) -> None:
    """Print the words."""
    from edgy_tf.recognisers import open_recogniser

    release, decoder, stream = open_stream(args.source, args.release)
    print(open_recogniser(args.recogniser, release).read(decoder.words(stream.codes)))
