"""Train a preset on folders of speech; run it again to go on where it was stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.arguments import positive
from edgy_tf.preset import load_preset

EXAMPLE = "edgy train --preset pi --corpus LibriSpeech --out runs/pi"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy train``."""
    parser.add_argument("--preset", default="pi", help="name of a preset, or a .toml file (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="folders of speech, see docs/corpora.md")
    parser.add_argument("--out", required=True, type=Path, help="folder for checkpoint, logs and prepared corpus")
    parser.add_argument("--seed", type=int, default=0, help="of weights, crops and augmentation (default: 0)")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16", "float16"),
        default="auto",
        help="float16 scales the loss dynamically; auto: float16 on a GPU, else float32",
    )
    parser.add_argument("--every", type=positive, default=200, help="steps between checkpoints (default: 200)")
    parser.add_argument("--speaker", type=Path, metavar="FILE", help="of edgy train-speaker, for presets with a ResNet")
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE", help="of python -m edgy_tf.train.teacher, for content phases"
    )


def run(args: argparse.Namespace) -> None:
    """Train, and say what came out."""
    preset = load_preset(args.preset)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from edgy_tf.train.loop import dtype_policy
    from edgy_tf.train.trainer import Run, train

    policy = dtype_policy(args.precision)
    checkpoint = train(Run(preset, corpus, args.out, args.seed, policy, args.every, args.speaker, args.teacher))
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")
    print(f"trained {preset.name} ({policy}), codebook {checkpoint.network.codebook_id}: {args.out}")
