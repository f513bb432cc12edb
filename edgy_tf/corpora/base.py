"""What a corpus is: utterances with their speaker and labels, opened from a folder, split by speaker."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora.audio import read_pcm16
from edgy_tf.errors import AudioError, CorpusError

# "eval" is for corpora that only ever measure: attackers, emotion.
Split = Literal["train", "valid", "test", "eval"]
SPLITS: tuple[Split, ...] = get_args(Split)
Gender = Literal["F", "M"]
GENDERS: tuple[Gender, ...] = get_args(Gender)
ADULT = 18
"""Years; children's voices do not tell their gender the way adults' do."""


@dataclass(frozen=True)
class Utterance:
    """One sound file and what is known of it; None where the corpus does not say."""

    path: Path
    speaker: str
    source: str
    split: Split
    gender: Gender | None = None
    age: int | None = None
    emotion: str | None = None
    seconds: float | None = None
    transcript: str | None = None
    language: str | None = None
    licence: str | None = None

    @property
    def adult(self) -> bool:
        """Whether the speaker is grown up, or of unknown age."""
        return self.age is None or self.age >= ADULT

    @property
    def trainable(self) -> bool:
        """Whether the licence allows training a released model: non-commercial and research-only do not."""
        terms = re.sub("commercial and non-commercial", "", self.licence or "", flags=re.IGNORECASE)
        return re.search(r"\bNC\b|non-?commercial|research", terms, re.IGNORECASE) is None


@dataclass
class Corpus:
    """Utterances whose speakers never cross splits, and the files that were left out.

    Attributes:
        utterances: in a fixed order: the same folder always gives the same list.
        skipped: file and reason. Every selection of a corpus shares this list, so that what `load` skips in
            one of them is in the report of the whole.

    Raises:
        CorpusError: a speaker is in two splits.
    """

    utterances: list[Utterance]
    skipped: list[tuple[Path, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        splits: dict[str, Split] = {}
        for utterance in self.utterances:
            first = splits.setdefault(utterance.speaker, utterance.split)
            if first != utterance.split:
                raise CorpusError(
                    f"speaker {utterance.speaker} is in both {first} and {utterance.split}; "
                    "keep each speaker in one split, or rename if they are two people"
                )

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers, sorted."""
        return sorted({utterance.speaker for utterance in self.utterances})

    def select(
        self,
        *,
        split: Split | None = None,
        source: str | None = None,
        speakers: Collection[str] | None = None,
    ) -> "Corpus":
        """The utterances that match every condition given."""
        return self._where(
            lambda u: (
                (split is None or u.split == split)
                and (source is None or u.source == source)
                and (speakers is None or u.speaker in speakers)
            )
        )

    def trainable(self) -> "Corpus":
        """The utterances whose licence allows training (see `Utterance.trainable`)."""
        return self._where(lambda u: u.trainable)

    @staticmethod
    def merge(corpora: Iterable["Corpus"]) -> "Corpus":
        """One corpus of several; an utterance that is in two of them counts once.

        Raises:
            CorpusError: a speaker is in two splits.
        """
        several = list(corpora)
        return Corpus(
            list(dict.fromkeys(utterance for corpus in several for utterance in corpus.utterances)),
            list(dict.fromkeys(entry for corpus in several for entry in corpus.skipped)),
        )

    def skipped_report(self) -> str:
        """Every skipped file with its reason, one per line; empty when none was."""
        return "\n".join(f"{path}: {reason}" for path, reason in self.skipped)

    def nothing_read(self) -> str:
        """Why none of it could be read, in one line."""
        first, *others = self.skipped_report().splitlines() or ["the split is empty"]
        return f"no speech could be read: {first}" + (f", and {len(others)} more" if others else "")

    def _where(self, condition: Callable[[Utterance], bool]) -> "Corpus":
        return Corpus([utterance for utterance in self.utterances if condition(utterance)], self.skipped)


def hold_out(corpus: Corpus, fraction: float, seed: int) -> tuple[Corpus, Corpus]:
    """Split what may train (``train`` split, licence permitting) into training and validation by speaker.

    Each speaker's side depends only on name and seed, so more files or speakers move nobody; the one
    exception is a corpus so small that nobody falls below ``fraction``: then the first in line is held out.

    Args:
        corpus: any corpus; utterances of other splits are left alone and returned in neither part.
        fraction: share of the speakers to hold out, between 0 and 1 exclusive.
        seed: another seed holds out other speakers.

    Returns:
        ``(train, valid)``; the second's utterances have ``split == "valid"``.

    Raises:
        CorpusError: fewer than two speakers may train, or everybody would be held out.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, not {fraction}")
    candidates = corpus.select(split="train").trainable()
    places = {speaker: _place(speaker, seed) for speaker in candidates.speakers}
    if len(places) < 2:
        raise CorpusError(
            f"{len(places)} speakers of the train split have a licence that allows training; add speakers"
        )
    limit = max(fraction, min(places.values()))
    held = {speaker for speaker, place in places.items() if place <= limit}
    if len(held) == len(places):
        raise CorpusError(
            f"holding out {fraction:g} of {len(places)} speakers leaves none; hold out less or add speakers"
        )
    train = candidates.select(speakers=places.keys() - held)
    valid = [replace(utterance, split="valid") for utterance in candidates.select(speakers=held).utterances]
    return train, Corpus(valid, corpus.skipped)


def load(
    corpus: Corpus, on_progress: Callable[[int, int], object] | None = None
) -> Iterator[tuple[Utterance, npt.NDArray[np.int16]]]:
    """Read every utterance: int16 ``[N]`` at 16 kHz.

    A file that cannot be read is left out and recorded, once, in ``corpus.skipped``: print
    ``corpus.skipped_report()`` at the end.

    Args:
        corpus: what to read, in its order.
        on_progress: called after each file with how many are done and how many there are.

    Raises:
        MissingDependencyError: an optional package is needed to read these files.
    """
    for done, utterance in enumerate(corpus.utterances, start=1):
        try:
            yield utterance, read_pcm16(utterance.path)
        except AudioError as error:
            entry = (utterance.path, str(error).removeprefix(f"{utterance.path}: "))
            if entry not in corpus.skipped:
                corpus.skipped.append(entry)
        if on_progress:
            on_progress(done, len(corpus.utterances))


def some_speech(corpus: Corpus, count: int) -> list[npt.NDArray[np.int16]]:
    """Up to ``count`` utterances, int16 ``[N]`` each, the same ones every time, spread over the corpus.

    Raises:
        CorpusError: none of them could be read.
    """
    chosen = Corpus(corpus.utterances[:: max(1, len(corpus.utterances) // count)][:count], corpus.skipped)
    speech = [pcm for _, pcm in load(chosen)]
    if not speech:
        raise CorpusError(chosen.nothing_read())
    return speech


def _place(speaker: str, seed: int) -> float:
    """A speaker's place in ``[0, 1)``: the same on every machine and in every corpus."""
    digest = hashlib.sha256(f"{seed}:{speaker}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
