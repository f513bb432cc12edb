"""Which words are left of speech in pink noise, and of speech that came through a lossy codec.

    pip install -e '.[train,asr-offline]'
    python docs/experiments/conditions.py pi out/relayed CORPUS

On the test speakers that the audit hears. Prints a table of word error rates: of the speech itself, and of the codes of
each release, read straight as text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import load, open_corpus, to_float32, to_pcm16
from edgy_tf.corpora.base import Corpus
from edgy_tf.decode import Decoder
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import find_release
from edgy_tf.train.augment import pink_noise
from edgy_tf.train.codecs import in_codecs
from evaluation.selection import spoken
from evaluation.text import word_errors
from evaluation.utility import transcripts
from pi_runtime import EdgeEncoder

EACH = 40
"""Utterances of a source."""
CACHE = Path("out/audit-cache/conditions")

Floats = npt.NDArray[np.float32]


def conditions(sound: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """An utterance as it is heard, by the name of what lies between."""
    noise = pink_noise(1, len(sound), rng)[0] * np.sqrt(np.mean(sound**2))
    noisy = {f"noise, {snr} dB below": sound + noise * np.float32(10 ** (-snr / 20)) for snr in (20, 10)}
    return {"quiet": sound, "a codec": in_codecs(sound[None], 1.0, 16000, rng)[0], **noisy}


def table(releases: list[str], corpus: Corpus) -> Iterator[str]:
    """Lines of the table; each may take some minutes."""
    sources = spoken(corpus, EACH)
    loaded = enumerate(load(Corpus([u for of in sources.values() for u in of])))
    speech = [(u, conditions(to_float32(pcm), np.random.default_rng(i))) for i, (u, pcm) in loaded]
    readers = []
    for release in map(find_release, releases):
        encoder, decoder = EdgeEncoder(release.encoder("int8")), Decoder.from_release(release.folder)
        readers.append((encoder, decoder, open_recogniser("whisper-base", release)))
    whisper = open_recogniser("whisper-base")

    def line(name: str, texts: list[str]) -> Iterator[str]:
        for source in sources:
            own = [(u.transcript or "", text) for (u, _), text in zip(speech, texts, strict=True) if u.source == source]
            yield f"{100 * word_errors(*zip(*own, strict=True)).wer:.1f}"

    yield f"| heard in | {' | '.join(f'{r}, {s}' for r in ('speech', *releases) for s in sources)} |"
    yield f"| --- |{' --- |' * len(sources) * (1 + len(releases))}"
    for name in speech[0][1]:
        heard = [sounds[name] for _, sounds in speech]
        figures = [*line(name, transcripts(whisper, heard, CACHE, about=name))]
        for encoder, decoder, recogniser in readers:
            features = [decoder.words(encoder.encode(to_pcm16(sound))) for sound in heard]
            figures += line(name, transcripts(recogniser, features, CACHE, path="text", about=name))
        yield f"| {name} | {' | '.join(figures)} |"


if __name__ == "__main__":
    if len(sys.argv) < 3 or not Path(sys.argv[-1]).is_dir():
        sys.exit(__doc__)
    for printed in table(sys.argv[1:-1], open_corpus(sys.argv[-1])):
        print(printed, flush=True)
