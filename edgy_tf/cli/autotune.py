"""Search for the recipe that suits a device: what keeps to your limits, and of that the best.

Every trial compresses the release by a recipe, as ``edgy compress`` does, and measures what came out. The same command
goes on where it was stopped, or adds trials.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgy_tf.cli.arguments import check_ray, corpus_words, positive
from edgy_tf.errors import EdgyError, PresetError
from edgy_tf.releases import find_release

if TYPE_CHECKING:
    from evaluation.autotune.search import Trial

EXAMPLE = "edgy autotune --release pi --corpus CORPUS --out out/tuned --max-size 600k --min-agreement 95 --trials 30"

_LIMITS = ("max_size", "max_ms", "max_instructions", "min_agreement", "max_wer_rise", "max_leak_rise")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy autotune``."""
    parser.add_argument("--release", default="pi", help="name of a release, or a folder of one (default: pi)")
    parser.add_argument("--corpus", required=True, nargs="+", help="what it was trained on, see docs/corpora.md")
    parser.add_argument("--out", required=True, type=Path, help="folder of the search, its page and the winning recipe")
    limits = parser.add_argument_group("limits, at least one of them")
    limits.add_argument("--max-size", type=size, metavar="BYTES", help="of the .tflite, such as 600k or 1.2M")
    limits.add_argument("--max-ms", type=above_0, metavar="MS", help="CPU time here for a second of audio, one thread")
    limits.add_argument(
        "--max-instructions",
        type=size,
        metavar="N",
        help="of an emulated Cortex-A72 for a second of audio, such as 40M; needs make pi-userland",
    )
    limits.add_argument(
        "--min-agreement", type=share, metavar="PERCENT", help="of held-out codes that are the uncompressed network's"
    )
    limits.add_argument(
        "--max-wer-rise",
        type=points,
        metavar="POINTS",
        help="of what is read from the codes, over the release's float32 encoder; needs the extra asr-offline",
    )
    limits.add_argument(
        "--max-leak-rise",
        type=points,
        metavar="POINTS",
        help="the privacy floor: how far the audit's attackers on codes may get beyond the 95 %% interval of what they "
        "learn from the release's float32 encoder; 0: nothing shows that the variant tells more",
    )
    parser.add_argument("--trials", type=positive, default=30, help="in total, earlier runs included (default: 30)")
    parser.add_argument("--steps", type=positive, default=3000, help="of training in a trial (default: 3000)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    parser.add_argument("--work", type=Path, help="folder of the prepared corpus, such as edgy train's (default: OUT)")
    parser.add_argument("--recogniser", default="auto", help="see edgy audit (default: the best installed)")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="run trials on this Ray cluster, or auto; it must see the same folders"
    )


def run(args: argparse.Namespace) -> None:
    """Search, write what was found, and say it."""
    given = {name: getattr(args, name) for name in _LIMITS}
    if all(limit is None for limit in given.values()):
        raise EdgyError(f"give a limit to search for: {', '.join(_flag(name) for name in _LIMITS)}")
    check_ray(args)
    release = find_release(args.release)
    from edgy_tf.corpora import Corpus, open_corpus

    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    from evaluation.autotune import results
    from evaluation.autotune.limits import Limits
    from evaluation.autotune.search import Search
    from evaluation.autotune.space import FEWEST_STEPS
    from evaluation.cost import machine
    from evaluation.selection import fingerprint

    if args.steps < FEWEST_STEPS:
        raise PresetError(f"--steps must be at least {FEWEST_STEPS}, so that every stage learns, not {args.steps}")
    limits = Limits(**given)
    about = {
        "release": [release.name, release.files.get(release.network.name)],
        "corpus": fingerprint(corpus.utterances),
    }
    if limits.max_wer_rise is not None:
        about["recogniser"] = args.recogniser

    def tell(trial: Trial) -> None:
        print(results.line(trial, args.trials, search.winner, limits), flush=True)

    search = Search(args.out, about, limits, args.steps, args.seed, tell)
    if search.left(args.trials):
        _search(args, search, limits)
    found = results.Found(
        trials=search.trials,
        winner=search.winner,
        limits=limits,
        release=args.release,
        corpus=args.corpus,
        command=_command(args),
        machine=machine(),
    )
    results.write(found, args.out)
    print(f"all trials: {args.out / results.PAGE}")
    if not found.winner:
        raise EdgyError(found.nearest())
    print(f"the winner is trial {found.winner.number}, {results.name(found.winner)}:\n  {found.use(args.out)}")


def _search(args: argparse.Namespace, search: Any, limits: Any) -> None:
    from evaluation.autotune.trial import Task, Workshop

    task = Task(
        release=str(find_release(args.release).folder.absolute()),
        corpus=tuple(str(Path(folder).absolute()) for folder in args.corpus),
        work=(args.work or args.out).absolute(),
        limits=limits,
        seed=args.seed,
        recogniser=args.recogniser,
    )
    # Before any trial, so that whatever is amiss is said at once, and the corpus is prepared once.
    workshop = Workshop(task)
    if workshop.skipped:
        print(f"skipped files:\n{workshop.skipped}")
    if args.ray:
        from evaluation.autotune.cluster import run_on_ray

        run_on_ray(search, task, args.trials, args.ray)
    else:
        search.run(args.trials, workshop.measure)


def size(text: str) -> int:
    """Bytes or instructions, such as ``600k`` or ``1.2M``."""
    factor = {"k": 1e3, "M": 1e6}.get(text[-1:], 1.0)
    return round(factor * above_0(text[:-1] if factor > 1 else text))


def above_0(text: str) -> float:
    """A number above 0."""
    if (number := _number(text)) <= 0:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


def share(text: str) -> float:
    """Per cent, as a fraction."""
    if not 0 < (number := _number(text)) <= 100:
        raise argparse.ArgumentTypeError(f"must be per cent, above 0 and up to 100, not {text!r}")
    return number / 100


def points(text: str) -> float:
    """Percentage points, as a fraction."""
    return _number(text) / 100


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}")
    return number


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _command(args: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    words = ["edgy", "autotune", "--release", Path(args.release).name]
    words += corpus_words(args.corpus)
    for name in _LIMITS:
        if (limit := getattr(args, name)) is not None:
            words += [
                _flag(name),
                f"{limit if name in ('max_size', 'max_ms', 'max_instructions') else 100 * limit:.10g}",
            ]
    words += ["--trials", str(args.trials), "--steps", str(args.steps), "--seed", str(args.seed)]
    return shlex.join(words)
