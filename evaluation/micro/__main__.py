"""Get the tools, compare the codes of emulated boards, or measure on them and commit to the figures.

python -m evaluation.micro build
python -m evaluation.micro bits --corpus CORPUS --count 100
python -m evaluation.micro figures
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from converters.micro import plan, write
from edgy_tf.corpora import Corpus, load, open_corpus
from edgy_tf.errors import CorpusError, EdgyError
from edgy_tf.releases import find_release
from evaluation.micro.bits import compare
from evaluation.micro.boards import BOARDS
from evaluation.micro.figures import BUDGET, PAGE, measure, page, recording, vela, write_budget
from evaluation.micro.firmware import Pcm, build, build_plugin
from evaluation.micro.tools import get_tools


def main() -> int:
    """Do what the argument says; the exit status is 1 where codes differ."""
    parser = argparse.ArgumentParser(description="A microcontroller without the board.")
    parser.add_argument("task", choices=("build", "bits", "figures"), help="figures: rewrite the budget and its page")
    parser.add_argument("--release", default="micro", help="whose int8 encoder (default: micro)")
    parser.add_argument("--corpus", nargs="+", help="bits: folders of speech; their test or eval split is used")
    parser.add_argument("--count", type=int, default=100, help="bits: utterances (default: 100)")
    args = parser.parse_args()
    try:
        if args.task == "build":
            get_tools()
            return 0
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            encoder = find_release(args.release).encoder("int8")
            report = plan(encoder)
            write(report, folder / "library")
            firmwares = [build(folder / "library", board, folder) for board in BOARDS.values()]
            if args.task == "bits":
                speech = _speech(args.corpus or [], args.count)
                print(f"{len(speech)} utterances")
                differ = False
                for firmware in firmwares:
                    found = compare(report, encoder, firmware, speech)
                    print(found, flush=True)
                    differ |= any(equal != found.codes for equal in found.equal.values())
                return int(differ)
            plugin = build_plugin(folder)
            figures = {f.board.name: measure(f, plugin, recording()) for f in firmwares}
            estimate = vela(report)
            write_budget(figures, estimate)
            PAGE.write_text(page(figures, estimate), "utf-8")
            print(f"{report}\n\n{page(figures, estimate)}\nwritten: {BUDGET}, {PAGE}")
    except EdgyError as error:
        print(f"micro: {error}", file=sys.stderr)
        return 2
    return 0


def _speech(folders: list[str], count: int) -> list[Pcm]:
    corpus = Corpus.merge(open_corpus(folder) for folder in folders)
    unseen = [u for u in corpus.utterances if u.split in ("test", "eval")]
    chosen = unseen[:: max(1, len(unseen) // count)][:count]
    speech = [pcm for _, pcm in load(Corpus(chosen, corpus.skipped))]
    if not speech:
        raise CorpusError("no speech to compare on; give a --corpus with a test or eval split")
    return speech


if __name__ == "__main__":
    sys.exit(main())
