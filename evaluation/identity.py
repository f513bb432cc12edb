"""Whether speakers can be told apart: lists of trials, the figures of an attack on one, and the verdict of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import Utterance
from edgy_tf.errors import CorpusError
from evaluation.back_ends import Names, unit
from evaluation.features import Floats
from evaluation.metrics import bootstrap, cllr, d_sys, equal_error_rate, min_cllr, min_dcf
from evaluation.verdict import Outcome, Scenario
from evaluation.vpc import ENROL_EVERY

Ints = npt.NDArray[np.int64]
Floats64 = npt.NDArray[np.float64]
TrialKind = Literal["same-gender", "mixed"]

RAW_BAR = 0.05
"""EER that the best verifier must reach on raw speech, mixed trials, before the failure of others says anything."""

PROTECTED_EER = 0.40
"""EER of the best attacker from which identity counts as protected: the project's goal; 0.5 is chance."""

DRAWS = 400
"""Of the bootstrap, for each attack."""


@dataclass(frozen=True, eq=False)
class TrialList:
    """Who is compared with what; places are those of the utterances it was made of.

    Attributes:
        kind: ``same-gender``, where non-targets are of the model's gender, or ``mixed``, everybody with everybody.
        enrolment: for each model, the places of the utterances that enrol it.
        model: ``[T]``, places in ``enrolment``.
        test: ``[T]``, places of the tested utterances.
        target: bool ``[T]``, whether both are one speaker.
        tester: ``[T]``, who speaks the tested utterance.
    """

    kind: TrialKind
    enrolment: tuple[Ints, ...]
    model: Ints
    test: Ints
    target: npt.NDArray[np.bool_]
    tester: Names


@dataclass(frozen=True)
class VerificationAttack:
    """One attacker on one trial list.

    Attributes:
        scenario: see `evaluation.verdict.Scenario`; here *lazy-informed* enrols processed speech.
        verifier: what made the embeddings.
        back_end: how they were compared.
        trials: the list.
        targets: trials of one speaker.
        nontargets: trials of two.
        left_out: trials for which a clip was too short or silent.
        eer: equal error rate, 0 to 1.
        low: lower end of its 95 % interval over the tested speakers.
        high: upper end.
        min_dcf: see `evaluation.metrics.min_dcf`.
        cllr: cost in bits, calibrated on training speakers.
        min_cllr: cost in bits, calibrated on these very trials.
        d_sys: global linkability.
        broken: its whole interval lies above 0.5. Scores the wrong way round tell speakers apart, too.
        counted: the EER that the verdict uses: at most 0.5, and ``1 - eer`` of a broken attacker.
    """

    scenario: Scenario
    verifier: str
    back_end: str
    trials: TrialKind
    targets: int
    nontargets: int
    left_out: int
    eer: float
    low: float
    high: float
    min_dcf: float
    cllr: float
    min_cllr: float
    d_sys: float
    broken: bool
    counted: float


@dataclass(frozen=True)
class IdentityMeasurement:
    """Everything that attackers found out about who speaks.

    Attributes:
        speakers: how many were tested.
        utterances: of theirs.
        training_speakers: whom the attackers learned from.
        bar: EER that the best verifier must reach on raw speech.
        threshold: EER from which identity counts as protected.
        attacks: every scenario, verifier, back-end and trial list.
    """

    speakers: int
    utterances: int
    training_speakers: int
    bar: float
    threshold: float
    attacks: tuple[VerificationAttack, ...]

    @property
    def raw(self) -> VerificationAttack:
        """The best attack on raw speech, mixed trials."""
        return min((a for a in self.attacks if a.scenario == "raw" and a.trials == "mixed"), key=lambda a: a.eer)

    @property
    def best(self) -> VerificationAttack:
        """The best attack on what left the device, mixed trials; that is raw speech if nothing was processed."""
        found = self._best("mixed")
        assert found is not None
        return found

    @property
    def best_same_gender(self) -> VerificationAttack | None:
        """The same on trials within a gender; None if there are none."""
        return self._best("same-gender")

    @property
    def outcome(self) -> Outcome:
        """The verdict. A leak is a leak, however weak the verifiers are on raw speech; protection needs strong ones."""
        if self.best.counted < self.threshold:
            return "not protected"
        return "protected" if self.raw.eer <= self.bar else "not measured (attackers too weak)"

    def _best(self, trials: TrialKind) -> VerificationAttack | None:
        attacks = [a for a in self.attacks if a.trials == trials]
        informed = [a for a in attacks if a.scenario != "raw"]
        return min(informed or attacks, key=lambda a: a.counted, default=None)


def trial_lists(utterances: Sequence[Utterance]) -> tuple[TrialList, ...]:
    """Each speaker's utterances sorted by name; the first and every fourth after it enrol, the others are tests.

    Each test is compared with each model. Within a gender, both must be known to be of it; without such trials of
    both kinds there is no such list.

    Raises:
        CorpusError: there are not two speakers of whom one has two utterances.
    """
    places: dict[str, list[int]] = {}
    for i in sorted(range(len(utterances)), key=lambda i: (utterances[i].path.name, utterances[i].path)):
        places.setdefault(utterances[i].speaker, []).append(i)
    names = sorted(places)
    enrolment = tuple(np.array(places[name][::ENROL_EVERY]) for name in names)
    tests = [i for name in names for n, i in enumerate(places[name]) if n % ENROL_EVERY]
    if len(names) < 2 or not tests:
        raise CorpusError("trials need two speakers, with two utterances each; add speakers or utterances")
    gender = {u.speaker: u.gender for u in utterances}
    model, test = (grid.ravel() for grid in np.meshgrid(np.arange(len(names)), tests, indexing="ij"))
    tester = np.array([utterances[i].speaker for i in test])
    enrolled = np.array(names)[model]
    target = tester == enrolled
    alike = np.array([gender[a] is not None and gender[a] == gender[b] for a, b in zip(enrolled, tester, strict=True)])
    whole = TrialList("mixed", enrolment, model, test, target, tester)
    if not (alike & target).any() or not (alike & ~target).any():
        return (whole,)
    within = TrialList("same-gender", enrolment, model[alike], test[alike], target[alike], tester[alike])
    return within, whole


def compare(trials: TrialList, enrolled: Floats, tested: Floats) -> Floats:
    """Cosines ``[T]`` of models, which are means of what enrols them, and tests; NaN where one of them is missing.

    Args:
        trials: the list.
        enrolled: unit vectors ``[U, d]`` of the utterances it was made of, to enrol from; NaN where there is none.
        tested: the same, to test.
    """
    there = np.isfinite(enrolled).all(1)
    chosen = [places[there[places]] for places in trials.enrolment]
    means = [enrolled[places].mean(0) if len(places) else np.full(enrolled.shape[1], np.nan) for places in chosen]
    return (unit(np.stack(means)) @ tested.T)[trials.model, trials.test]


def attack(
    about: tuple[Scenario, str, str], trials: TrialList, scores: Floats, llr: Callable[[Floats64], Floats64], seed: int
) -> VerificationAttack:
    """Every figure of one attacker on one list.

    Args:
        about: scenario, verifier and back-end.
        trials: the list.
        scores: ``[T]``, higher for more alike; NaN leaves a trial out.
        llr: maps scores to natural-log likelihood ratios.
        seed: of the interval.

    Raises:
        CorpusError: fewer than 20 target trials, no others, or one tested speaker alone.
    """
    there = np.isfinite(scores)
    scores, target = scores[there].astype(np.float64), trials.target[there]
    pair = scores[target], scores[~target]
    eer = equal_error_rate(*pair)
    low, high = bootstrap(
        lambda s, y: equal_error_rate(s[y], s[~y]), scores, target, groups=trials.tester[there], n=DRAWS, seed=seed
    )
    broken = low > 0.5
    return VerificationAttack(
        *about,
        trials.kind,
        targets=len(pair[0]),
        nontargets=len(pair[1]),
        left_out=int((~there).sum()),
        eer=eer,
        low=low,
        high=high,
        min_dcf=min_dcf(*pair),
        cllr=cllr(llr(pair[0]), llr(pair[1])),
        min_cllr=min_cllr(*pair),
        d_sys=d_sys(*pair),
        broken=broken,
        counted=1 - eer if broken else min(eer, 0.5),
    )
