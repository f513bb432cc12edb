"""How many words a variant loses that its release keeps: word error rates of what Whisper reads from the codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from converters.verify import Codes, Pcm
from edgy_tf.corpora import Corpus, load
from edgy_tf.decode import Decoder
from edgy_tf.errors import CorpusError, EdgyError
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import Release
from evaluation.plan import Plan
from evaluation.selection import sources_of, spread
from evaluation.text import word_errors
from evaluation.utility import transcripts
from pi_runtime import EdgeEncoder


class Words:
    """Reads the codes of the corpus' test split, as the audit does.

    Args:
        release: its decoder reads, and its float32 encoder is compared with.
        corpus: with a test split that has transcripts.
        plan: how much of it.
        recogniser: see `edgy_tf.recognisers.open_recogniser`.
        cache: folder of the texts.

    Raises:
        CorpusError: nothing to read.
        EdgyError: no recogniser that reads, or a release without a way from codes to words.
    """

    def __init__(self, release: Release, corpus: Corpus, plan: Plan, recogniser: str, cache: Path) -> None:
        self._recogniser = open_recogniser(recogniser)
        self._decoder = Decoder.from_release(release.folder)
        if not self._recogniser.reads or not self._decoder.has_words:
            who = f"release {release.name}" if self._recogniser.reads else self._recogniser.name
            raise EdgyError(f"{who} cannot read words from codes; leave --max-wer-rise out")
        spoken = [u for u in corpus.select(split="test").utterances if u.transcript]
        sources = sources_of(Corpus(spoken), "test")
        chosen = [u for s in sources for u in spread([u for u in spoken if u.source == s], plan.utility.utterances)]
        self._speech = list(load(Corpus(chosen, corpus.skipped)))
        if not self._speech:
            raise CorpusError("no test utterance has a transcript, so --max-wer-rise cannot be measured; add some")
        self._cache = cache
        self._before = self._wer(EdgeEncoder(release.encoder("float32")).encode)

    def rise(self, encode: Callable[[Pcm], Codes]) -> float:
        """By how much the word error rate, a fraction, of an encoder lies above that of the release's float32."""
        return self._wer(encode) - self._before

    def _wer(self, encode: Callable[[Pcm], Codes]) -> float:
        features = (self._decoder.words(encode(pcm)) for _, pcm in self._speech)
        texts = transcripts(self._recogniser, features, self._cache, path="text", total=len(self._speech))
        return word_errors([u.transcript or "" for u, _ in self._speech], texts).wer
