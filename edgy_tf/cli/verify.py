"""Compare the codes of a release's encoders with Keras in float32 on real speech."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from edgy_tf.cli.arguments import positive
from edgy_tf.errors import CorpusError

EXAMPLE = "edgy verify pi --corpus LibriSpeech --count 100"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy verify``."""
    parser.add_argument("release", help="name of an installed release, or a folder that edgy export wrote")
    parser.add_argument("--corpus", nargs="*", default=[], help="folders of speech; their test or eval split is used")
    parser.add_argument("--audio", nargs="*", default=[], help="single recordings")
    parser.add_argument("--count", type=positive, default=100, help="utterances of the corpus (default: 100)")


def run(args: argparse.Namespace) -> None:
    """Print one row per encoder."""
    from edgy_tf.corpora import Corpus, load, open_corpus, read_pcm16
    from edgy_tf.releases import find_release

    release = find_release(args.release)
    release.verify()
    speech = [read_pcm16(path) for path in args.audio]
    corpus = Corpus.merge(open_corpus(folder) for folder in args.corpus)
    unseen = [u for u in corpus.utterances if u.split in ("test", "eval")]
    chosen = unseen[:: max(1, len(unseen) // args.count)][: args.count]
    speech += [pcm for _, pcm in load(Corpus(chosen, corpus.skipped))]
    if report := corpus.skipped_report():
        print(f"skipped files:\n{report}", file=sys.stderr)
    if not speech:
        raise CorpusError("no speech to compare on; give --audio, or a --corpus with a test or eval split")
    from converters.verify import Codes, KerasEncoder, Pcm, agreement
    from edgy_tf.network import Network
    from pi_runtime import EdgeEncoder

    network = Network.load(release.network)
    others: dict[str, Callable[[Pcm], Codes]] = {
        f"tflite {v}": EdgeEncoder(release.encoder(v)).encode for v in release.variants
    }
    others["keras, numpy front end"] = KerasEncoder(network, "numpy").encode
    results = agreement(KerasEncoder(network).encode, others, speech)
    print(f"codes equal to Keras float32 (release {release.name}, codebook {release.codebook_id})")
    for name, result in results.items():
        print(f"  {name:24} {result}")
