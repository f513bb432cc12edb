"""Speaker verification: can two recordings be linked to one speaker after a system has processed them?

The trial lists and attackers are those of the VoicePrivacy Challenges (Tomashenko et al. 2024), and one that reads the
wire. ``evaluation.verifiers`` makes embeddings, ``evaluation.back_ends`` compares them, and
``evaluation.identity`` says what the scores mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from edgy_tf.corpora import Utterance
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.errors import CorpusError
from evaluation.back_ends import BACK_ENDS, Names, Project, calibration, code_network, unit
from evaluation.features import PACE, CodeFeatures, Floats
from evaluation.identity import (
    PROTECTED_EER,
    RAW_BAR,
    IdentityMeasurement,
    TrialList,
    VerificationAttack,
    attack,
    compare,
    trial_lists,
)
from evaluation.systems import Processed
from evaluation.verdict import Scenario
from evaluation.verifiers import Trainable, Verifier

LONGEST, PIECE = 6 * SAMPLE_RATE, 4 * SAMPLE_RATE
"""Samples: a longer training utterance is cut into equal pieces of about so many, since some speakers have only one."""

HELD_OUT = 0.2
"""Share of the training speakers whose scores are calibrated on, and whom no back-end and no network learns from."""

OUTLIER = 3.0
"""Deviations at which statistics of codes are cut off."""


def measure_identity(
    tests: Sequence[Utterance],
    raw: Sequence[Processed],
    processed: Sequence[Processed] | None,
    training: Sequence[Utterance],
    raw_training: Sequence[Processed],
    processed_training: Sequence[Processed] | None,
    *,
    verifiers: Sequence[Verifier],
    cache: Path,
    seed: int = 0,
) -> IdentityMeasurement:
    """Attack a system with every verifier and back-end, in every scenario that its sound and its codes allow.

    Embeddings are cached, so those of raw speech cost nothing for the second system.

    Args:
        tests: utterances of the speakers to tell apart, of one source: pooled, their channels tell them apart.
        raw: the tests as the system ``raw`` gives them.
        processed: the tests after the system under attack; None if that is ``raw`` itself.
        training: utterances of the attacker's own speakers.
        raw_training: these as ``raw`` gives them.
        processed_training: these after the system; given together with ``processed``.
        verifiers: who hears; without any, codes alone are attacked.
        cache: folder for embeddings and trained verifiers.
        seed: of held-out speakers, networks, pairs and intervals.

    Raises:
        CorpusError: a speaker is tested and learned from, there are too few of them (see `trial_lists`), fewer than
            four training speakers have two items, or there are fewer than 20 target trials.
        MissingDependencyError: the system gives codes and Keras is not installed.
    """
    if (processed is None) != (processed_training is None):
        raise ValueError("give both processed tests and processed training speech, or none of them")
    tested, taught = {u.speaker for u in tests}, {u.speaker for u in training}
    if common := tested & taught:
        raise CorpusError(f"speaker {min(common)} is both learned from and tested; keep each in one split")
    lists = trial_lists(tests)
    items = _Items(training, raw_training, seed)
    attacks: list[VerificationAttack] = []
    for verifier in verifiers:
        for train, scenarios in _heard(verifier, items, raw, processed, raw_training, processed_training, cache):
            attacks += _attacks(verifier.name, tuple(BACK_ENDS), train, scenarios, items, lists, seed, verifier.views)
    if processed and processed_training and all(p.codes is not None for p in (*processed, *processed_training)):
        test_codes, train_codes = [p.codes for p in processed], items.cut([p.codes for p in processed_training])
        for name, back_ends, embed in _readers(train_codes, items, seed):
            rows = embed(test_codes)
            scenarios = {"code-level": (rows, rows)}
            attacks += _attacks(name, back_ends, embed(train_codes), scenarios, items, lists, seed)
    return IdentityMeasurement(len(tested), len(tests), len(taught), RAW_BAR, PROTECTED_EER, tuple(attacks))


class _Items:
    """Training utterances cut to pieces, and which of them are held out.

    Attributes:
        speakers: ``[N]``.
        held: bool ``[N]``, the pieces of speakers held out for calibration.
    """

    def __init__(self, utterances: Sequence[Utterance], raw: Sequence[Processed], seed: int) -> None:
        lengths = [len(p.audio) if p.audio is not None else 0 for p in raw]
        self._counts = [round(n / PIECE) if n > LONGEST else 1 for n in lengths]
        self.speakers: Names = np.repeat([u.speaker for u in utterances], self._counts)
        names, counts = np.unique(self.speakers, return_counts=True)
        several = names[counts > 1]
        if len(several) < 4:
            raise CorpusError("attackers need four training speakers with two utterances each; add training speech")
        held = np.random.default_rng(seed).permutation(several)[: max(2, round(HELD_OUT * len(several)))]
        self.held = np.isin(self.speakers, held)

    def cut(self, sequences: Sequence[Any]) -> list[Any]:
        """The pieces ``[N]`` of what belongs to the utterances: samples, or codes."""
        return [part for s, count in zip(sequences, self._counts, strict=True) for part in np.array_split(s, count)]


Rows = Mapping[Scenario, tuple[Floats, Floats]]
"""Embeddings of the tests ``[U, D]``, to take those that enrol from, and to take those that are tested from."""


def _heard(
    verifier: Verifier,
    items: _Items,
    raw: Sequence[Processed],
    processed: Sequence[Processed] | None,
    raw_training: Sequence[Processed],
    processed_training: Sequence[Processed] | None,
    cache: Path,
) -> Iterator[tuple[Floats, Rows]]:
    """What a verifier hears: embeddings of training pieces ``[N, D]``, and those of the tests for each scenario."""

    def embed(by: Verifier, clips: Sequence[Any]) -> Floats:
        return by.embed(clips, cache, total=len(clips))

    def known(clips: Sequence[Any]) -> tuple[list[Any], list[str], Path]:
        speakers = [str(name) for name in items.speakers[~items.held]]
        return [c for c, held in zip(clips, items.held, strict=True) if not held], speakers, cache

    pieces = items.cut([p.audio for p in raw_training])
    if isinstance(verifier, Trainable):
        verifier = verifier.trained(*known(pieces))
    train, plain = embed(verifier, pieces), embed(verifier, [p.audio for p in raw])
    scenarios: dict[Scenario, tuple[Floats, Floats]] = {"raw": (plain, plain)}
    if not processed or not processed_training or any(p.audio is None for p in (*processed, *processed_training)):
        yield train, scenarios
        return
    clips = [p.audio for p in processed]
    changed = embed(verifier, clips)
    yield train, scenarios | {"ignorant": (plain, changed), "lazy-informed": (changed, changed)}
    pieces = items.cut([p.audio for p in processed_training])
    if isinstance(verifier, Trainable):
        verifier = verifier.retrained(*known(pieces))
        changed = embed(verifier, clips)
    yield embed(verifier, pieces), {"semi-informed": (changed, changed)}


def _readers(train: Sequence[Any], items: _Items, seed: int) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """What reads codes: a name, the back-ends that suit it, and what makes embeddings of sequences."""
    learned = [codes for codes, held in zip(train, items.held, strict=True) if not held]
    statistics = CodeFeatures().fit(learned)
    scaler = StandardScaler().fit(statistics.transform(learned))

    def count(sequences: Sequence[Any]) -> Floats:
        # Without the pace, which goes with the length: tests are longer than training pieces.
        return np.clip(scaler.transform(statistics.transform(sequences)), -OUTLIER, OUTLIER)[:, :-PACE]

    yield "code statistics", tuple(BACK_ENDS), count
    yield "code network", ("cosine",), code_network(learned, items.speakers[~items.held], seed=seed)


def _attacks(
    verifier: str,
    back_ends: Sequence[str],
    train: Floats,
    scenarios: Rows,
    items: _Items,
    lists: Sequence[TrialList],
    seed: int,
    views: int = 1,
) -> Iterator[VerificationAttack]:
    there = np.isfinite(train).all(1)
    fit, held = there & ~items.held, there & items.held
    for back_end in back_ends:
        project = _fitted(back_end, train[fit], items.speakers[fit], views)
        llr = calibration(project(train[held]), items.speakers[held], seed=seed)
        for scenario, (enrolled, tested) in scenarios.items():
            for trials in lists:
                scores = compare(trials, project(enrolled), project(tested))
                yield attack((scenario, verifier, back_end), trials, scores, llr, seed)


def _fitted(back_end: str, train: Floats, speakers: Names, views: int) -> Project:
    """A back-end that learns from all views of an item, and takes the mean of what it makes of them."""
    project = BACK_ENDS[back_end](np.concatenate(np.split(train, views, axis=1)), np.tile(speakers, views))
    return lambda x: unit(np.mean([project(view) for view in np.split(x, views, axis=1)], axis=0))
