"""Compare TF-MOT with NNCF on a release: the same encoder, recipes, data and steps, and one table.

NNCF runs in an environment of its own, which `make nncf-env` makes; without it, its rows say so.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgy_tf.cli.arguments import SWEEPS, check_ray, corpus_words, positive
from edgy_tf.releases import find_release

if TYPE_CHECKING:
    from evaluation.compression.task import Task

STEPS = 500
EXAMPLE = """\
edgy compare pi --corpus LibriSpeech --out docs             every recipe by both tools: some hours
  edgy compare pi --corpus LibriSpeech --out docs --quick     three rows, within minutes
  edgy compare --corpus LibriSpeech --ray auto                rows at a time as the cluster has CPUs"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy compare``."""
    add_sweep_arguments(parser, "gets compare.md and compare.png", "one recipe by both tools, and fewer utterances")
    parser.add_argument(
        "--utterances", type=positive, help="of each source that words are read from (default: 40, with --quick 10)"
    )


def add_sweep_arguments(parser: argparse.ArgumentParser, out: str, quick: str) -> None:
    """Declare what every command takes that makes many variants; ``out`` and ``quick`` say what these are for."""
    parser.add_argument("release", nargs="?", default="pi", help="name of a release, or a folder of one (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="what it was trained on, see docs/corpora.md")
    parser.add_argument("--out", type=Path, default=Path("out"), help=f"{out} (default: out)")
    parser.add_argument("--work", type=Path, default=SWEEPS, help=f"keeps what is done (default: {SWEEPS})")
    parser.add_argument(
        "--steps", type=positive, help=f"of fine-tuning, of each recipe in all (default: {STEPS}, with --quick 100)"
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="make variants on this Ray cluster, or auto; it must see the same folders"
    )


def run(args: argparse.Namespace) -> None:
    """Compare, write the page and say where it is."""
    task, steps = task_of(args)
    from evaluation.compare.matrix import matrix
    from evaluation.compare.run import compare, write

    utterances = args.utterances or (10 if args.quick else 40)
    results = compare(task, matrix(steps, args.quick), utterances, args.ray, lambda line: print(line, flush=True))
    options = ["--utterances", str(args.utterances)] if args.utterances else []
    path = write(results, task, steps, command_of("compare", args, options), args.out)
    _, *variants = results
    print(f"{sum(r.made for r in variants)} of {len(variants)} variants measured: {path}")


def task_of(args: argparse.Namespace) -> tuple[Task, int]:
    """What all variants have in common, and the steps of fine-tuning.

    Raises:
        EdgyError: no such release, or no Ray.
    """
    check_ray(args)
    release = find_release(args.release)
    from evaluation.compare.matrix import QUICK_STEPS
    from evaluation.compression.task import Task

    # As they were given, by which the prepared corpus is known; for other machines from the root on.
    corpus = tuple(str(Path(folder).absolute()) if args.ray else folder for folder in args.corpus)
    task = Task(release=release.folder.absolute(), corpus=corpus, work=(args.work / release.name).absolute())
    return task, args.steps or (QUICK_STEPS if args.quick else STEPS)


def command_of(name: str, args: argparse.Namespace, options: Sequence[str] = ()) -> str:
    """The command without the folders of this machine."""
    words = ["edgy", name, Path(args.release).name, *corpus_words(args.corpus)]
    words += ["--steps", str(args.steps)] if args.steps else []
    words += [*options, *(["--quick"] if args.quick else [])]
    return shlex.join([*words, "--out", args.out.name])
