"""Turn a finished training run into a release: .tflite encoders, decoder, voices."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from converters.variants import RELEASED, VARIANTS
from edgy_tf.cli.arguments import positive

if TYPE_CHECKING:
    from converters.report import Report
    from edgy_tf.releases import Release

EXAMPLE = "edgy export runs/pi --corpus LibriSpeech --out releases/pi"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy export``."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder that edgy train wrote")
    parser.add_argument(
        "--corpus", required=True, nargs="+", help="what it was trained on: calibrates int8, verifies the result"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the release, named after it")
    parser.add_argument(
        "--variants",
        type=variant_names,
        default=RELEASED,
        metavar="V,V,...",
        help=f"encoders to write, of {', '.join(VARIANTS)} (default: {','.join(RELEASED)})",
    )
    parser.add_argument(
        "--target", choices=("cpu", "micro"), default="cpu", help="micro adds C files for TensorFlow Lite Micro"
    )
    parser.add_argument("--arena", type=positive, metavar="KB", help="tensor memory of a micro target, in 1,024 bytes")


def variant_names(text: str) -> tuple[str, ...]:
    """Names of variants, with commas between them."""
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in VARIANTS]:
        raise argparse.ArgumentTypeError(f"no variant {unknown[0]!r}; choose among {', '.join(VARIANTS)}")
    return names


def run(args: argparse.Namespace) -> None:
    """Export a run."""
    from edgy_tf.train.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(args.run_folder)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    arena = args.arena and 1024 * args.arena
    from converters.release import export

    show(*export(checkpoint, corpus, args.out, args.variants, args.target, arena))
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")


def show(release: Release, reports: Mapping[str, Report]) -> None:
    """Print what an export wrote, and how the variants compare with Keras."""
    for report in reports.values():
        print(report)
    header = release.folder / "edgy_encoder.h"
    if header.exists():
        arena = header.read_text("ascii").partition("ARENA_BYTES ")[2].split()[0]
        print(f"edgy_encoder.c, edgy_encoder.h: arena of {arena} bytes")
    voices = ", ".join(release.voices)
    print(f"release {release.name}, codebook {release.codebook_id}, voices {voices}: {release.folder}")
