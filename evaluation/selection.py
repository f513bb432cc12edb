"""Which utterances an audit takes: the same ones on every machine, wherever the corpus lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from edgy_tf.corpora import Corpus, Utterance
from edgy_tf.corpora.base import Split


def sources_of(corpus: Corpus, *splits: Split) -> list[str]:
    """Names of the sources that have utterances in one of the splits, sorted."""
    return sorted({u.source for u in corpus.utterances if u.split in splits})


def some_of_each(utterances: Iterable[Utterance], per_speaker: int, *, speakers: int | None = None) -> list[Utterance]:
    """At most ``per_speaker`` utterances of each speaker, of at most so many ``speakers``.

    Speakers and utterances are drawn by the hash of their names, so that neither the order of a corpus (in which
    every tenth file may have one emotion) nor a file more or less decides about the others.
    """
    of_speaker: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        of_speaker.setdefault(utterance.speaker, []).append(utterance)
    chosen = sorted(of_speaker, key=_place)[:speakers]
    drawn = [sorted(of_speaker[s], key=lambda u: _place(u.path.name))[:per_speaker] for s in chosen]
    return sorted((u for part in drawn for u in part), key=lambda u: (u.source, u.speaker, u.path.name))


def spread(utterances: Iterable[Utterance], count: int) -> list[Utterance]:
    """At most ``count`` utterances, as evenly of all speakers as can be."""
    of_speaker: dict[str, list[Utterance]] = {}
    for utterance in sorted(utterances, key=lambda u: _place(u.path.name)):
        of_speaker.setdefault(utterance.speaker, []).append(utterance)
    ranked = [(i, _place(speaker), u) for speaker, of in of_speaker.items() for i, u in enumerate(of)]
    chosen = [u for _, _, u in sorted(ranked, key=lambda row: row[:2])[:count]]
    return sorted(chosen, key=lambda u: (u.speaker, u.path.name))


def spoken(corpus: Corpus, count: int) -> dict[str, list[Utterance]]:
    """Test utterances whose words are known, at most ``count`` of each source, by the source's name, sorted."""
    known = Corpus([u for u in corpus.select(split="test").utterances if u.transcript])
    return {s: spread(known.select(source=s).utterances, count) for s in sources_of(known, "test")}


def fingerprint(utterances: Iterable[Utterance]) -> str:
    """SHA-256 of what is known of the utterances, without the folder they lie in."""
    rows = sorted(
        [u.source, u.speaker, u.path.name, u.split, u.gender, u.age, u.emotion, u.transcript] for u in set(utterances)
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _place(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
