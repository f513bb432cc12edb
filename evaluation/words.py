"""Which words a recogniser still reads in the codes of an encoder, without any sound, as the audit measures it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from converters.verify import Codes, Pcm
from edgy_tf.corpora import Corpus, load
from edgy_tf.decode import Decoder
from edgy_tf.errors import CorpusError, EdgyError
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import Release
from evaluation.selection import spoken
from evaluation.text import word_errors
from evaluation.utility import Utility, measure_utility, transcripts
from pi_runtime import EdgeEncoder

Encode = Callable[[Pcm], Codes]


class Words:
    """Reads the codes of the corpus' test split through a release's decoder.

    Args:
        release: its decoder reads, and its float32 encoder is compared with.
        corpus: with a test split that has transcripts.
        utterances: of each source, spread over its speakers.
        recogniser: see `edgy_tf.recognisers.open_recogniser`.
        cache: folder of the texts.

    Raises:
        CorpusError: nothing to read.
        EdgyError: no recogniser that reads, or a release without a way from codes to words.
    """

    def __init__(self, release: Release, corpus: Corpus, utterances: int, recogniser: str, cache: Path) -> None:
        self._recogniser = open_recogniser(recogniser, release)
        self._decoder = Decoder.from_release(release.folder)
        if not self._recogniser.reads or not self._decoder.has_words:
            who = f"release {release.name}" if self._recogniser.reads else self._recogniser.name
            raise EdgyError(f"{who} cannot read words from codes")
        chosen = [u for of in spoken(corpus, utterances).values() for u in of]
        self._speech = list(load(Corpus(chosen, corpus.skipped)))
        if not self._speech:
            raise CorpusError("no test utterance has a transcript, so words cannot be measured; see docs/corpora.md")
        self._cache = cache
        self._before = self._wer(EdgeEncoder(release.encoder("float32")).encode)

    def rise(self, encode: Encode) -> float:
        """By how much the word error rate, a fraction, of an encoder lies above that of the release's float32."""
        return self._wer(encode) - self._before

    def utility(self, variant: str, encode: Encode) -> list[Utility]:
        """Word error rates of an encoder with their intervals, one of each source."""
        texts = self._texts(encode, variant)
        found = []
        for source in dict.fromkeys(u.source for u, _ in self._speech):
            own = [(u, text) for (u, _), text in zip(self._speech, texts, strict=True) if u.source == source]
            utterances, read = zip(*own, strict=True)
            found.append(measure_utility(variant, "text", self._recogniser.name, utterances, read))
        return found

    def _wer(self, encode: Encode) -> float:
        return word_errors([u.transcript or "" for u, _ in self._speech], self._texts(encode)).wer

    def _texts(self, encode: Encode, about: str = "") -> list[str]:
        features = (self._decoder.words(encode(pcm)) for _, pcm in self._speech)
        return transcripts(self._recogniser, features, self._cache, path="text", about=about, total=len(self._speech))
