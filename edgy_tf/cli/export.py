"""Turn a finished training run into a release, or an encoder of a release into a library for microcontrollers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from converters.variants import RELEASED, VARIANTS
from edgy_tf.cli.arguments import positive
from edgy_tf.errors import CorpusError

if TYPE_CHECKING:
    from converters.report import Report
    from edgy_tf.releases import Release

EXAMPLE = """edgy export runs/pi --corpus LibriSpeech --out releases/pi
  edgy export --target micro releases/micro --out lib/edgy       # as C, for PlatformIO and Arduino
  edgy export --target micro my.tflite --out lib/edgy --arena 32"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy export``."""
    parser.add_argument(
        "source",
        metavar="RUN",
        help="folder that edgy train wrote; for a microcontroller a release, or an encoder's .tflite",
    )
    parser.add_argument("--corpus", nargs="+", help="what a run was trained on: calibrates int8, verifies the result")
    parser.add_argument(
        "--out", required=True, type=Path, help="folder of the release, named after it, or of the library"
    )
    parser.add_argument("--reading", type=Path, metavar="FOLDER", help="that edgy train-reading wrote for its codes")
    parser.add_argument(
        "--vocoder", choices=("wavernn", "griffin-lim"), help="what speaks its codes best (default: a trained WaveRNN)"
    )
    parser.add_argument(
        "--variants",
        type=variant_names,
        default=RELEASED,
        metavar="V,V,...",
        help=f"encoders to write, of {', '.join(VARIANTS)} (default: {','.join(RELEASED)})",
    )
    parser.add_argument(
        "--target", choices=("cpu", "micro"), default="cpu", help="micro: a library in C for TensorFlow Lite Micro"
    )
    for what, most in (("arena", 64), ("flash", 256)):
        parser.add_argument(
            f"--{what}", type=positive, default=most, metavar="KB", help=f"that the board has (default: {most})"
        )


def variant_names(text: str) -> tuple[str, ...]:
    """Names of variants, with commas between them."""
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in VARIANTS]:
        raise argparse.ArgumentTypeError(f"no variant {unknown[0]!r}; choose among {', '.join(VARIANTS)}")
    return names


def run(args: argparse.Namespace) -> None:
    """Export a run, or an encoder for a microcontroller."""
    if args.target == "micro":
        _export_micro(args.source, args.out, 1024 * args.flash, 1024 * args.arena)
        return
    if not args.corpus:
        raise CorpusError("name the --corpus that the run was trained on")
    from edgy_tf.train.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(Path(args.source))
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from converters.release import export
    from edgy_tf.releases import READING

    reading = args.reading / READING if args.reading else None
    show(*export(checkpoint, corpus, args.out, args.variants, args.vocoder, reading))
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")


def show(release: Release, reports: Mapping[str, Report]) -> None:
    """Print what an export wrote, and how the variants compare with Keras."""
    for report in reports.values():
        print(report)
    voices = ", ".join(release.voices)
    print(f"release {release.name}, codebook {release.codebook_id}, voices {voices}: {release.folder}")


def _export_micro(source: str, out: Path, flash: int, arena: int) -> None:
    from converters.micro import plan, write
    from edgy_tf.releases import find_release

    if source.endswith(".tflite"):
        path = Path(source)
    else:
        release = find_release(source)
        path = release.encoder("micro" if "micro" in release.variants else "int8")
    report = plan(path, flash, arena)
    print(report)
    write(report, out)
    print(f"written: {out}")
