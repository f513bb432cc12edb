"""Turn a finished training run into a release: .tflite encoders, decoder, voices."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgy_tf.corpora import Corpus
    from edgy_tf.train.checkpoint import Checkpoint

EXAMPLE = "edgy export runs/pi --corpus LibriSpeech --out releases/pi"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy export``."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder that edgy train wrote")
    parser.add_argument(
        "--corpus", required=True, nargs="+", help="what it was trained on: calibrates int8, verifies the result"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the release, named after it")


def run(args: argparse.Namespace) -> None:
    """Export a run."""
    from edgy_tf.train.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(args.run_folder)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    export_run(checkpoint, corpus, args.out)
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")


def export_run(checkpoint: Checkpoint, corpus: Corpus, out: Path) -> None:
    """Export a finished run into the folder ``out``, and print how the variants agree with Keras."""
    from converters.release import export

    release, results = export(checkpoint, corpus, out)
    for variant, agreement in results.items():
        size = release.encoder(variant).stat().st_size
        print(f"{variant:8} {size / 1e6:6.2f} MB, codes equal to Keras: {agreement}")
    print(f"release {release.name}, codebook {release.codebook_id}, voices {', '.join(release.voices)}: {out}")
