"""What a variant's codes tell of a person beyond those of its release: the privacy floor.

A variant keeps its release's codes, but for those that compression changes. So it is held against the release, by the
audit's attackers on codes and on the same people; whether the release itself protects anybody is for ``edgy audit``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from converters.verify import Codes, Pcm
from edgy_tf.corpora import Corpus, Utterance, load, to_float32
from edgy_tf.errors import CorpusError
from edgy_tf.releases import Release
from evaluation.attackers import Heard
from evaluation.attributes import measure_attribute
from evaluation.audit import UNSEEN
from evaluation.plan import Plan
from evaluation.selection import some_of_each, sources_of
from evaluation.splits import Attribute
from evaluation.systems import Processed
from evaluation.verification import measure_identity
from pi_runtime import EdgeEncoder

Encode = Callable[[Pcm], Codes]


@dataclass(frozen=True)
class Known:
    """What the best attacker on codes knows, as a fraction, and the upper end of its 95 % interval over speakers.

    Of gender and emotion, the balanced accuracy; of identity, what the EER leaves of 1. More is worse.
    """

    value: float
    high: float


class Leak:
    """Attacks the codes of the corpus' test and eval splits, from which no release has learned.

    Args:
        release: whose float32 encoder is compared with.
        corpus: with labels, and with a train split for attackers to learn from.
        plan: whom they attack, and how they learn.

    Raises:
        CorpusError: neither identity nor gender nor emotion can be measured on this corpus; says why.
    """

    def __init__(self, release: Release, corpus: Corpus, plan: Plan) -> None:
        self._corpus, self._plan = corpus, plan
        self._before: dict[tuple[str, str], Known] = {}
        spoken = _Spoken(EdgeEncoder(release.encoder("float32")).encode)
        reasons = []
        for source in sources_of(corpus, *UNSEEN):
            for attribute in ("identity", *get_args(Attribute)):
                try:
                    self._before[attribute, source] = self._known(attribute, source, spoken)
                except CorpusError as error:
                    reasons.append(f"{attribute} on {source}: {error}")
        if not self._before:
            why = "; ".join(reasons) or "it has no test or eval split"
            raise CorpusError(f"the privacy floor cannot be measured on this corpus: {why}")

    @property
    def measured(self) -> list[str]:
        """What the floor consists of: attributes, each with its source."""
        return [f"{attribute} on {source}" for attribute, source in self._before]

    def rise(self, encode: Encode) -> float:
        """How far attackers get beyond the release's own uncertainty, as a fraction; the worst of all attributes.

        From the upper end of the interval of what the best attacker knows by the release, to what the best one knows
        by ``encode``. Up to 0, nothing shows that more is told of anybody; few speakers make the interval wide.
        """
        spoken = _Spoken(encode)
        return max(self._known(*key, spoken).value - known.high for key, known in self._before.items())

    def _known(self, attribute: str, source: str, spoken: _Spoken) -> Known:
        unseen = [u for u in self._corpus.utterances if u.source == source and u.split in UNSEEN]
        others = self._corpus.select(split="train")
        own = others.select(source=source).utterances
        seed = self._plan.seed
        if attribute == "identity":
            who = self._plan.identity
            tests, tested = spoken(some_of_each(unseen, who.per_speaker))
            taught = own or others.utterances
            training, heard = spoken(some_of_each(taught, who.training_utterances, speakers=who.training_speakers))
            found = measure_identity(
                tests, tested, tested, training, heard, heard, verifiers=(), cache=Path(), seed=seed
            ).best
            return Known(1 - found.counted, found.high if found.broken else 1 - found.low)
        what = self._plan.attributes
        taught = some_of_each(own, what.training_utterances, speakers=what.training_speakers)
        people, processed = spoken(some_of_each(unseen, what.per_speaker) + taught)
        heard_codes = {"codes": Heard({}, [p.codes for p in processed if p.codes is not None])}
        best = measure_attribute(attribute, people, {}, heard_codes, what.classifiers, seed)["codes"].best  # type: ignore[arg-type]
        if best is None or best.counted is None:
            raise CorpusError(f"every attacker on {attribute} is broken; add speakers")
        return Known(best.counted.value, best.counted.high)


class _Spoken:
    """Utterances with what an encoder makes of them, each encoded once; files that cannot be read are left out."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._found: dict[Utterance, Processed | None] = {}

    def __call__(self, utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Processed]]:
        new = [u for u in utterances if u not in self._found]
        self._found |= dict.fromkeys(new)
        for utterance, pcm in load(Corpus(new)):
            self._found[utterance] = Processed(to_float32(pcm), self._encode(pcm), 0)
        pairs = [(u, p) for u in utterances if (p := self._found[u]) is not None]
        return [u for u, _ in pairs], [p for _, p in pairs]
