"""Train the Thin ResNet-34 that gives voices; run it again to go on where it was stopped."""

from __future__ import annotations

import argparse

from edgy_tf.cli.arguments import add_training_arguments, positive
from edgy_tf.preset import load_preset

EXAMPLE = "edgy train-speaker --preset pi-resnet.toml --corpus VoxCeleb2 --steps 20000 --out runs/voices"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy train-speaker``."""
    parser.add_argument("--preset", default="pi", help="name of a preset, or a .toml file (default: pi)")
    add_training_arguments(parser, "weights", "weights and crops")
    parser.add_argument("--steps", type=positive, default=20000, help="optimiser steps (default: 20000)")
    parser.add_argument("--speakers", type=positive, default=64, help="speakers a step, two crops each (default: 64)")


def run(args: argparse.Namespace) -> None:
    """Train, and say how well voices are told apart."""
    preset = load_preset(args.preset)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from edgy_tf.train.loop import dtype_policy
    from edgy_tf.train.speaker import FILE, SpeakerRun, train_speaker

    policy = dtype_policy(args.precision)
    state = train_speaker(
        SpeakerRun(
            preset, corpus, args.out, args.steps, args.seed, policy, args.every, args.speakers, prepared=args.prepared
        )
    )
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")
    print(f"trained a speaker network ({policy}), EER {state.eer:.1%} on held-out speakers: {args.out / FILE}")
