"""Compare TF-MOT with NNCF on a release: the same encoder, recipes, data and steps, and one table.

NNCF runs in an environment of its own, which `make nncf-env` makes; without it, its rows say so.
"""

from __future__ import annotations

import argparse
import shlex
from importlib.util import find_spec
from pathlib import Path

from edgy_tf.cli.arguments import positive
from edgy_tf.errors import MissingDependencyError
from edgy_tf.releases import find_release

STEPS = 600
EXAMPLE = """\
edgy compare pi --corpus LibriSpeech --out docs             every recipe by both tools: some hours
  edgy compare pi --corpus LibriSpeech --out docs --quick     three rows, within minutes
  edgy compare --corpus LibriSpeech --ray auto                rows at a time as the cluster has CPUs"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy compare``."""
    parser.add_argument("release", nargs="?", default="pi", help="name of a release, or a folder of one (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="what it was trained on, see docs/corpora.md")
    parser.add_argument("--out", type=Path, default=Path("out"), help="gets compare.md and compare.png (default: out)")
    parser.add_argument(
        "--work", type=Path, default=Path("out/compare"), help="keeps what is done (default: out/compare)"
    )
    parser.add_argument(
        "--steps", type=positive, help=f"of fine-tuning, of each recipe in all (default: {STEPS}, with --quick 100)"
    )
    parser.add_argument("--quick", action="store_true", help="one recipe by both tools, and fewer utterances")
    parser.add_argument(
        "--utterances", type=positive, help="of each source that words are read from (default: 40, with --quick 10)"
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="make rows on this Ray cluster, or auto; it must see the same folders"
    )


def run(args: argparse.Namespace) -> None:
    """Compare, write the page and say where it is."""
    if args.ray and find_spec("ray") is None:
        raise MissingDependencyError("--ray needs ray; run: pip install 'edgy-tf[ray]'")
    release = find_release(args.release)
    from evaluation.compare.matrix import QUICK_STEPS, Task, matrix
    from evaluation.compare.run import compare, write

    steps = args.steps or (QUICK_STEPS if args.quick else STEPS)
    utterances = args.utterances or (10 if args.quick else 40)
    task = Task(
        release=release.folder.absolute(),
        corpus=tuple(corpus_folders(args)),
        work=(args.work / release.name).absolute(),
    )
    results = compare(task, matrix(steps, args.quick), utterances, args.ray, lambda line: print(line, flush=True))
    path = write(results, task, steps, _command(args), args.out)
    _, *variants = results
    print(f"{sum(r.made for r in variants)} of {len(variants)} variants measured: {path}")


def corpus_folders(args: argparse.Namespace) -> list[str]:
    """Folders as they were given, by which the prepared corpus is known; for other machines from the root on."""
    return [str(Path(folder).absolute()) if args.ray else folder for folder in args.corpus]


def _command(args: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    words = ["edgy", "compare", Path(args.release).name, "--corpus", *(Path(c).resolve().name for c in args.corpus)]
    words += ["--steps", str(args.steps)] if args.steps else []
    words += ["--utterances", str(args.utterances)] if args.utterances else []
    words += ["--quick"] if args.quick else []
    return shlex.join([*words, "--out", args.out.name])
