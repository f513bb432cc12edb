"""Audit a release: do the words survive, what can attackers still learn, what does it cost?"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from edgy_tf.cli.arguments import corpus_words

EXAMPLE = """\
edgy audit pi --corpus CORPUS --out out/audit              a page, pictures and audit.json, within an hour
  edgy audit pi --corpus CORPUS --quick                      a first look, within minutes
  edgy audit pi --corpus LibriSpeech RAVDESS --plan mine.toml --paper"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy audit``."""
    parser.add_argument("release", help="name of an installed release, or a folder that edgy export wrote")
    parser.add_argument("--corpus", required=True, nargs="+", help="folders of speech, see docs/corpora.md")
    parser.add_argument("--out", type=Path, default=Path("out/audit"), help="folder of the report (default: out/audit)")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    parser.add_argument(
        "--plan",
        default="full",
        help="what to measure: full, speech, codes, quick, paper, or a .toml file (default: full)",
    )
    parser.add_argument("--quick", dest="plan", action="store_const", const="quick", help="the same as --plan quick")
    parser.add_argument(
        "--recogniser", default="auto", help="whisper-base, whisper:MODEL, pocketsphinx (default: the best installed)"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("out/audit-cache"), help="what is kept to go on later or to audit another"
    )
    parser.add_argument("--paper", action="store_true", help="print the paper's Tables 2 and 3 beside our figures")


def run(args: argparse.Namespace) -> None:
    """Measure, write the report and print a line for each system."""
    from edgy_tf.corpora import Corpus, open_corpus
    from evaluation.audit import Audit
    from evaluation.plan import load_plan
    from evaluation.report import paper_tables, summary, write_report

    plan = load_plan(args.plan)
    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    audit = Audit(plan, args.release, args.variant, corpus, args.cache, args.out, args.recogniser)
    result = audit.run(_command(args))
    written = write_report(result, args.out)
    print(summary(result))
    if args.paper:
        print(paper_tables(result))
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}", file=sys.stderr)
    page = next(path for path in written if path.suffix == ".html")
    print(f"the whole audit: {page}")


def _command(args: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    words = ["edgy", "audit", Path(args.release).name, *corpus_words(args.corpus)]
    words += ["--variant", args.variant, "--plan", Path(args.plan).name, "--recogniser", args.recogniser]
    return shlex.join(words)
