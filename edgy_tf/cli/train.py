"""Train a preset on folders of speech; run it again to go on where it was stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from edgy_tf.cli.arguments import add_training_arguments
from edgy_tf.cli.export import show
from edgy_tf.errors import ModelError
from edgy_tf.preset import load_preset, preset_from_dict
from edgy_tf.reading import STEPS
from edgy_tf.releases import READING, find_release
from edgy_tf.whisper_base import whisper_base

EXAMPLE = """\
edgy train --preset pi --corpus LibriSpeech --out runs/pi        a preset to a checkpoint, for edgy export
  edgy train --preset my.toml --start runs/pi --corpus MINE --out runs/my   from its weights on, other speech
  edgy train --recipe pi --corpus LibriSpeech --out runs/pi        a release again, from speech to runs/pi/pi"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy train``."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--preset", default="pi", help="name of a preset, or a .toml file (default: pi)")
    what.add_argument(
        "--recipe", metavar="RELEASE", help="train as this release was trained, and export it to OUT/RELEASE"
    )
    add_training_arguments(parser, "checkpoint", "weights, crops and augmentation")
    parser.add_argument("--start", metavar="RUN", help="begin with the weights of this run or release, where they fit")
    parser.add_argument("--speaker", type=Path, metavar="FILE", help="of edgy train-speaker, for presets with a ResNet")
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE", help="of python -m edgy_tf.train.teacher, for content phases"
    )
    parser.add_argument(
        "--reading", type=Path, metavar="FILE", help="reading.safetensors, for pages that the recogniser spells"
    )


def run(args: argparse.Namespace) -> None:
    """Train, and say what came out."""
    release = find_release(args.recipe) if args.recipe else None
    if release and release.decoder:
        raise ModelError(
            f"release {release.name} is an encoder that edgy compress made of {release.decoder}; "
            f"train --recipe {release.decoder}, then compress that"
        )
    presets = [preset_from_dict(p, release.name) for p in release.lineage] if release else [load_preset(args.preset)]
    if release and release.reading:
        # The last run needs it: better to miss it now than after all others.
        whisper_base()
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from edgy_tf.train.loop import dtype_policy
    from edgy_tf.train.prepared import FOLDER
    from edgy_tf.train.trainer import Run, train

    policy = dtype_policy(args.precision)
    start, prepared = args.start, args.prepared or args.out / FOLDER
    for number, preset in enumerate(presets, start=1):
        # What a release learned by before its last run is done below the folder of that.
        out = args.out if number == len(presets) else args.out / f"{number}-{preset.name}"
        settings = args.seed, policy, args.every, args.speaker, args.teacher, args.reading, start, prepared
        checkpoint = train(Run(preset, corpus, out, *settings))
        print(f"trained {preset.name} ({policy}), codebook {checkpoint.network.codebook_id}: {out}")
        start = str(out)
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}")
    if release:
        from converters.release import export

        result = export(checkpoint, corpus, args.out / release.name, vocoder=release.vocoder)
        if release.reading:
            from edgy_tf.train.reading import ReadingRun, train_reading

            learned = args.out / "reading"
            train_reading(ReadingRun(result[0], corpus, learned, STEPS, args.seed, policy, prepared=prepared))
            result = export(checkpoint, corpus, result[0].folder, vocoder=release.vocoder, reading=learned / READING)
        show(*result)
