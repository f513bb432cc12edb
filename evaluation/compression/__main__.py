"""Compress a release by every recipe, and write the table and the picture of what came out.

python -m evaluation.compression pi --corpus CORPUS --out docs
"""

from __future__ import annotations

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path

from edgy_tf.cli.arguments import SWEEPS, corpus_words, positive
from edgy_tf.compress.recipe import Recipe, load_recipe, recipe_names, with_budget
from edgy_tf.errors import EdgyError
from edgy_tf.releases import find_release
from evaluation.compression.report import draw, page
from evaluation.compression.rows import FLOAT, Row
from evaluation.compression.sweep import sweep
from evaluation.compression.task import Task, make, measure, open_bench, prepare
from evaluation.cost import machine

COMPARED = [name for name in recipe_names() if name != "micro"]
"""Recipes of equal budgets: micro makes another architecture, and learns for longer."""
UTTERANCES = 40


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Every recipe on one release, as a table and a picture.")
    parser.add_argument("release", help="name of a release, or a folder of one")
    parser.add_argument("--corpus", required=True, nargs="+", help="what it was trained on, see docs/corpora.md")
    parser.add_argument(
        "--out", type=Path, default=Path("out"), help="gets compression.md and compression.png (default: out)"
    )
    parser.add_argument("--work", type=Path, default=SWEEPS, help=f"keeps what is done (default: {SWEEPS})")
    parser.add_argument(
        "--recipes", nargs="+", default=COMPARED, help="names, or .toml files (default: all that ship, but micro)"
    )
    parser.add_argument("--steps", type=positive, help="of fine-tuning, of each recipe in all (default: the recipes')")
    parser.add_argument(
        "--utterances", type=positive, default=UTTERANCES, help="of each source that words are read from (default: 40)"
    )
    args = parser.parse_args()
    try:
        _run(args)
    except EdgyError as error:
        sys.exit(f"compression: {error}")


def _run(args: argparse.Namespace) -> None:
    recipes = [load_recipe(name) for name in args.recipes]
    if args.steps:
        recipes = [with_budget(recipe, args.steps) for recipe in recipes]
    release = find_release(args.release)
    task = Task(release.folder.absolute(), tuple(args.corpus), (args.work / release.name).absolute())
    reader = prepare(task, recipes, args.utterances)
    bench = open_bench(task)
    rows = [bench.baseline(), *sweep(partial(make, task), recipes, None, _tell).values()]
    made = [row.variant for row in rows if not row.reason]
    words, times = measure(task, reader, made)
    args.out.mkdir(parents=True, exist_ok=True)
    text = page(rows, words, times, release.title, _command(args), machine())
    (args.out / "compression.md").write_text(text, "utf-8")
    (args.out / "compression.png").write_bytes(draw(rows, times).light)
    if report := bench.corpus.skipped_report():
        print(f"skipped files:\n{report}", file=sys.stderr)
    print(f"{len(made)} variants, {FLOAT} among them: {args.out / 'compression.md'}")


def _tell(recipe: Recipe, row: Row) -> None:
    figures = f"{100 * row.agreement:.2f} % of the codes, {row.zipped / 1e3:,.0f} kB zipped"
    print(f"{recipe.name}: {row.reason or figures}", flush=True)


def _command(args: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    words = ["python", "-m", "evaluation.compression", Path(args.release).name, *corpus_words(args.corpus)]
    words += ["--steps", str(args.steps)] if args.steps else []
    words += ["--recipes", *(Path(name).name for name in args.recipes)] if args.recipes != COMPARED else []
    words += ["--utterances", str(args.utterances)] if args.utterances != UTTERANCES else []
    return shlex.join([*words, "--out", Path(args.out).name])


if __name__ == "__main__":
    main()
