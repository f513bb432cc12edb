"""Reproduce the paper's Tables 2 and 3 with a release on your data, beside the paper's own figures and its errata."""

from __future__ import annotations

import argparse
import shlex
from importlib.util import find_spec
from pathlib import Path

from edgy_tf.cli.arguments import positive
from edgy_tf.cli.compare import STEPS, corpus_folders
from edgy_tf.errors import MissingDependencyError
from edgy_tf.releases import find_release

EXAMPLE = """\
edgy reproduce-paper pi --corpus LibriSpeech RAVDESS --out docs       18 variants and two audits: some hours
  edgy reproduce-paper pi --corpus LibriSpeech --out out --quick        the same in little"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy reproduce-paper``."""
    parser.add_argument("release", nargs="?", default="pi", help="name of a release, or a folder of one (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="folders of speech, see docs/corpora.md")
    parser.add_argument("--out", type=Path, default=Path("out"), help="gets paper.md (default: out)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("out/compare"),
        help="keeps what is done, such as that of edgy compare (default: out/compare)",
    )
    parser.add_argument(
        "--steps", type=positive, help=f"of fine-tuning, of each recipe in all (default: {STEPS}, with --quick 100)"
    )
    parser.add_argument("--quick", action="store_true", help="short fine-tuning, fewer utterances, fewer attackers")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="make variants on this Ray cluster, or auto; it must see the same folders"
    )


def run(args: argparse.Namespace) -> None:
    """Reproduce, write the page and say where it is."""
    if args.ray and find_spec("ray") is None:
        raise MissingDependencyError("--ray needs ray; run: pip install 'edgy-tf[ray]'")
    release = find_release(args.release)
    from evaluation.compare.matrix import QUICK_STEPS, Task
    from evaluation.reproduce.run import Reproduction

    work = Reproduction(
        task=Task(
            release=release.folder.absolute(),
            corpus=tuple(corpus_folders(args)),
            work=(args.work / release.name).absolute(),
        ),
        steps=args.steps or (QUICK_STEPS if args.quick else STEPS),
        utterances=10 if args.quick else 40,
        plan="quick" if args.quick else "paper",
        ray=args.ray,
    )
    path = work.run(_command(args), args.out, lambda line: print(line, flush=True))
    print(f"the paper's tables beside ours: {path}")


def _command(args: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    words = ["edgy", "reproduce-paper", Path(args.release).name]
    words += ["--corpus", *(Path(c).resolve().name for c in args.corpus)]
    words += ["--steps", str(args.steps)] if args.steps else []
    words += ["--quick"] if args.quick else []
    return shlex.join([*words, "--out", args.out.name])
