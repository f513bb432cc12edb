"""Compress the encoder of a release by a recipe: filters removed, weights zeroed, shared, stored in int8.

The codebook stays as it is, so every decoder of the release understands the new variant.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from edgy_tf.compress.recipe import load_recipe, recipe_names
from edgy_tf.releases import find_release

EXAMPLE = "edgy compress --recipe edge --release pi --corpus LibriSpeech --out releases/mine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy compress``."""
    parser.add_argument(
        "--recipe", default="edge", help=f"a .toml file, or one of {', '.join(recipe_names())} (default: edge)"
    )
    parser.add_argument("--release", default="pi", help="name of a release, or a folder of one (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="what it was trained on, see docs/corpora.md")
    parser.add_argument(
        "--out", required=True, type=Path, help="folder of the release with the variant; one of the same network grows"
    )
    parser.add_argument("--seed", type=int, help="of all that is drawn (default: the recipe's)")
    parser.add_argument(
        "--work",
        type=Path,
        help="folder that keeps the prepared corpus, such as edgy train's, and each stage that is done (default: none)",
    )
    parser.add_argument(
        "--alone", action="store_true", help="write the new encoder as a release of its own, which --release decodes"
    )


def run(args: argparse.Namespace) -> None:
    """Compress, and say what came out."""
    recipe = load_recipe(args.recipe)
    if args.seed is not None:
        recipe = replace(recipe, seed=args.seed)
    release = find_release(args.release)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from edgy_tf.compress.variant import add_variant, zipped
    from edgy_tf.cost import cost_of
    from edgy_tf.preset import preset_from_dict

    def report(stage: str, share: float) -> None:
        print(f"{stage}: {100 * share:.2f} % of held-out codes as the teacher's")

    outcome = add_variant(release, recipe, corpus, args.out, args.work, report, args.alone)
    if skipped := corpus.skipped_report():
        print(f"skipped files:\n{skipped}")
    before = release.encoder("float32").read_bytes()
    macs = cost_of(preset_from_dict(release.preset, release.name)).encoder_macs
    print(
        f"{outcome.variant}: {outcome.size / 1e6:.3f} MB, {outcome.zipped / 1e6:.3f} MB zipped "
        f"(float32: {len(before) / 1e6:.3f} and {zipped(before) / 1e6:.3f}), "
        f"{outcome.macs / 1e6:.1f} MMAC/s ({macs / 1e6:.1f})"
    )
    print(f"codes equal to the uncompressed Keras: {outcome.agreement}")
    print(f"codebook {release.codebook_id}, like every variant's: {args.out}")
