"""Teach the recogniser to read the codes of a release; run it again to go on where it was stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.arguments import add_training_arguments, positive
from edgy_tf.reading import STEPS

EXAMPLE = """edgy train-reading releases/pi --corpus LibriSpeech --out runs/reading
  edgy export runs/pi --corpus LibriSpeech --reading runs/reading --out releases/pi   # then both are one release"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy train-reading``."""
    parser.add_argument("release", help="whose codes are read: a release, or a folder that edgy export wrote")
    # The best checkpoint is what is kept.
    add_training_arguments(parser, "what was learned", "adapters and voices", every=50)
    parser.add_argument("--start", type=Path, metavar="FILE", help="begin with this reading.safetensors")
    parser.add_argument("--steps", type=positive, default=STEPS, help=f"optimiser steps (default: {STEPS})")


def run(args: argparse.Namespace) -> None:
    """Train, and say where the result is."""
    from edgy_tf.releases import READING, find_release

    release = find_release(args.release)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from edgy_tf.train.loop import dtype_policy
    from edgy_tf.train.reading import ReadingRun, train_reading

    policy = dtype_policy(args.precision)
    reading = train_reading(
        ReadingRun(release, corpus, args.out, args.steps, args.seed, policy, args.every, args.start, args.prepared)
    )
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")
    print(f"whisper-base reads codebook {reading.codebook_id} ({policy}): {args.out / READING}")
