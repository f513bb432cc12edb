import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgy_tf.corpora import Utterance
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.corpora.base import Gender, Split
from edgy_tf.errors import CorpusError
from evaluation.back_ends import BACK_ENDS, calibration, centred, discriminant
from evaluation.features import Floats
from evaluation.identity import IdentityMeasurement, VerificationAttack, trial_lists
from evaluation.metrics import cllr
from evaluation.systems import Processed
from evaluation.verification import measure_identity

DIM = 16


class Reader:
    """A verifier to which the first samples of a clip are the embedding."""

    name = "reader"
    views = 1

    def embed(self, clips: Iterable[Any], cache: Path, *, total: int | None = None) -> Floats:
        return np.array([clip[:DIM] for clip in clips], np.float32)


class Learner(Reader):
    """One that is taught, and writes down what on."""

    name = "learner"

    def __init__(self, seen: list[tuple[float, set[str], int]]) -> None:
        self.seen = seen

    def trained(self, clips: Any, speakers: Any, cache: Path) -> "Learner":
        self.seen.append((float(clips[0][-1]), set(speakers), len(clips)))
        return self

    retrained = trained


class Squinter(Reader):
    """One with two views, each of which is led astray the other way."""

    name = "squinter"
    views = 2

    def embed(self, clips: Iterable[Any], cache: Path, *, total: int | None = None) -> Floats:
        rows = super().embed(clips, cache)
        astray = 20 * np.random.default_rng(len(rows)).standard_normal(rows.shape)
        return np.concatenate([rows + astray, rows - astray], 1).astype(np.float32)


def people(prefix: str, count: int, each: int, split: Split = "test", gender: Gender | None = None) -> list[Utterance]:
    return [
        Utterance(Path(f"{prefix}{i:02}-{take:02}.wav"), f"{prefix}{i:02}", "s", split, gender or ("F", "M")[i % 2])
        for i in range(count)
        for take in range(each)
    ]


TESTS, TRAINING = people("t", 20, 12), people("a", 24, 4, "train")


def said(utterances: list[Utterance], seed: int, *, telling: bool = True, end: float = 0.0) -> list[Processed]:
    """Sound that holds, or does not hold, where its speaker lies among the others."""
    rng = np.random.default_rng(seed)
    voices = {u.speaker: rng.standard_normal(DIM) for u in utterances}
    noise = rng.standard_normal((len(utterances), DIM))
    rows = [0.3 * n + voices[u.speaker] if telling else n for u, n in zip(utterances, noise, strict=True)]
    return [Processed(np.append(row, end).astype(np.float32), None, 0) for row in rows]


RAW, RAW_TRAINING = said(TESTS, 0), said(TRAINING, 1)


def measured(processed: Any = None, training: Any = None, raw: Any = RAW, **about: Any) -> IdentityMeasurement:
    verifiers = about.pop("verifiers", [Reader()])
    return measure_identity(
        TESTS, raw, processed, TRAINING, RAW_TRAINING, training, verifiers=verifiers, cache=Path("unused"), **about
    )


def of(found: IdentityMeasurement, scenario: str) -> list[VerificationAttack]:
    return [a for a in found.attacks if a.scenario == scenario]


def test_trials_of_a_small_corpus() -> None:
    genders: dict[str, Gender | None] = {"a": "F", "b": "F", "c": "M", "d": None}
    takes = {"a": 6, "b": 2, "c": 1, "d": 2}
    utterances = [
        Utterance(Path(f"{s}{n}.wav"), s, "s", "test", genders[s]) for s in "dcba" for n in reversed(range(takes[s]))
    ]
    name = [u.path.stem for u in utterances]
    within, mixed = trial_lists(utterances)
    assert (within.kind, mixed.kind) == ("same-gender", "mixed")
    assert [[name[i] for i in places] for places in mixed.enrolment] == [["a0", "a4"], ["b0"], ["c0"], ["d0"]]
    tests = ["a1", "a2", "a3", "a5", "b1", "d1"]
    expected = {(model, test, "abcd"[model] == test[0]) for model in range(4) for test in tests}
    made = [(int(m), name[t], bool(y)) for m, t, y in zip(mixed.model, mixed.test, mixed.target, strict=True)]
    assert len(made) == len(expected)
    assert set(made) == expected
    assert list(mixed.tester) == [name[t][0] for t in mixed.test]
    # The one man has no test of his own, and nobody knows what d is.
    inside = {(int(m), name[t], bool(y)) for m, t, y in zip(within.model, within.test, within.target, strict=True)}
    assert inside == {(m, t, y) for m, t, y in expected if m < 2 and t[0] in "ab"}


def test_trials_that_cannot_be_made() -> None:
    with pytest.raises(CorpusError, match="two speakers") as error:
        trial_lists(people("t", 1, 8))
    assert "\n" not in str(error.value)
    with pytest.raises(CorpusError, match="two utterances"):
        trial_lists(people("t", 8, 1))
    [only] = trial_lists([Utterance(u.path, u.speaker, "s", "test") for u in people("t", 2, 2)])
    assert only.kind == "mixed"


def test_a_system_that_returns_its_input_is_called_out() -> None:
    found = measured(RAW, RAW_TRAINING)
    assert found.outcome == "not protected"
    assert (found.speakers, found.utterances, found.training_speakers) == (20, 240, 24)
    assert found.raw.eer < 0.02
    assert found.best.eer == pytest.approx(found.raw.eer, abs=0.01)
    assert {(a.scenario, a.back_end, a.trials) for a in found.attacks} == {
        (s, b, t)
        for s in ("raw", "ignorant", "lazy-informed", "semi-informed")
        for b in ("cosine", "LDA")
        for t in ("same-gender", "mixed")
    }
    assert (found.best.targets, found.best.nontargets) == (20 * 9, 20 * 19 * 9)
    assert found.best_same_gender is not None
    assert found.best_same_gender.nontargets == 20 * 9 * 9
    for a in found.attacks:
        assert a.low <= a.eer <= a.high
        assert max(a.cllr, a.min_cllr, a.min_dcf) < 0.3
        assert a.d_sys > 0.9
        assert not a.broken
    assert json.loads(json.dumps(asdict(found)))["attacks"][0]["eer"] == found.attacks[0].eer


def test_of_several_views_the_mean_counts() -> None:
    both = measured(RAW, RAW_TRAINING, verifiers=[Squinter()])
    squinter = Squinter()
    squinter.views = 1  # One long row, of which nothing is averaged.
    astray = measured(RAW, RAW_TRAINING, verifiers=[squinter])
    cosine = {a.scenario: a.eer for a in both.attacks if (a.back_end, a.trials) == ("cosine", "mixed")}
    assert max(cosine.values()) < 0.1
    assert min(a.eer for a in astray.attacks if a.back_end == "cosine") > 0.3


def test_raw_speech_alone_is_not_protected() -> None:
    found = measured()
    assert {a.scenario for a in found.attacks} == {"raw"}
    assert found.best == found.raw
    assert found.outcome == "not protected"


def test_an_anonymiser_protects_if_the_attackers_can_do_better() -> None:
    nobody, nobody_training = said(TESTS, 2, telling=False), said(TRAINING, 3, telling=False)
    found = measured(nobody, nobody_training)
    assert found.outcome == "protected"
    for a in found.attacks:
        if a.scenario != "raw":
            assert a.low <= 0.5 <= a.high
            assert a.min_cllr > 0.9
            assert a.d_sys < 0.3
    weak = measured(nobody, nobody_training, raw=said(TESTS, 4, telling=False))
    assert weak.outcome == "not measured (attackers too weak)"


def test_scores_the_wrong_way_round_are_a_broken_attacker() -> None:
    turned = [Processed(-p.audio, None, 0) for p in RAW if p.audio is not None]
    found = measured(turned, said(TRAINING, 3, telling=False))
    for a in of(found, "ignorant"):
        assert a.broken
        assert a.eer > 0.9
        assert a.counted == 1 - a.eer
    assert not any(a.broken for a in of(found, "lazy-informed"))
    assert found.outcome == "not protected"


def test_only_a_retrained_back_end_finds_what_processing_hid() -> None:
    """Processing turns the voice by a fixed angle and drowns half of it: raw enrolment is lost, retraining is not."""
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    drown = np.repeat([0.0, 6.0], DIM // 2)

    def process(utterances: list[Utterance], raw: list[Processed]) -> list[Processed]:
        rows = np.array([p.audio[:DIM] for p in raw if p.audio is not None])
        rows = rows @ turn + drown * rng.standard_normal(rows.shape)
        return [Processed(row.astype(np.float32), None, 0) for row in rows]

    found = measured(process(TESTS, RAW), process(TRAINING, RAW_TRAINING))
    eer = {s: min(a.eer for a in of(found, s)) for s in ("ignorant", "lazy-informed", "semi-informed")}
    assert eer["ignorant"] > 0.3
    assert eer["semi-informed"] < 0.1 < eer["lazy-informed"]
    assert found.best.scenario == "semi-informed"
    assert found.best.back_end == "LDA"


def test_codes_in_which_a_speaker_prefers_some_are_called_out() -> None:
    rng = np.random.default_rng(0)

    def spoken(utterances: list[Utterance], bias: float) -> list[Processed]:
        liked = {u.speaker: rng.choice(40, 8, replace=False) for u in utterances}
        out = []
        for u in utterances:
            codes = np.where(rng.random(100) < bias, rng.choice(liked[u.speaker], 100), rng.integers(0, 40, 100))
            out.append(Processed(None, codes.astype(np.int32), 0))
        return out

    leaky = measured(spoken(TESTS, 0.6), spoken(TRAINING, 0.6))
    assert {(a.verifier, a.back_end) for a in of(leaky, "code-level")} == {
        ("code statistics", "cosine"), ("code statistics", "LDA"), ("code network", "cosine"),
    }  # fmt: skip
    assert leaky.outcome == "not protected"
    assert leaky.best.scenario == "code-level"
    assert leaky.best.eer < 0.05
    [network] = [a for a in of(leaky, "code-level") if a.verifier == "code network" and a.trials == "mixed"]
    assert network.eer < 0.3
    assert {a.scenario for a in leaky.attacks} == {"raw", "code-level"}
    clean = measured(spoken(TESTS, 0), spoken(TRAINING, 0))
    assert clean.outcome == "protected"


def test_what_is_taught_is_neither_held_out_nor_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float, set[str], int]] = []
    fitted: list[set[str]] = []

    def fit(train: Floats, names: Any) -> Any:
        fitted.append(set(names))
        return centred(train, names)

    monkeypatch.setitem(BACK_ENDS, "LDA", fit)
    measured(RAW, said(TRAINING, 1, end=7.0), verifiers=[Learner(seen)])
    [(raw, speakers, count), (processed, again, _)] = seen
    assert (raw, processed) == (0.0, 7.0)
    assert speakers == again
    assert fitted == [speakers, speakers]
    assert (len(speakers), count) == (19, 19 * 4)  # A fifth of 24 is held out for calibration.


def test_long_training_utterances_are_cut() -> None:
    training = people("a", 24, 1, "train")
    voices = said(training, 1)
    # Speech of 12 s: three pieces, each beginning with the voice and something of its own.
    rng = np.random.default_rng(1)
    long = []
    for p in voices:
        assert p.audio is not None
        sound = np.zeros(12 * SAMPLE_RATE, np.float32)
        for piece in range(3):
            sound[4 * SAMPLE_RATE * piece :][:DIM] = p.audio[:DIM] + 0.3 * rng.standard_normal(DIM)
        long.append(Processed(sound, None, 0))
    found = measure_identity(TESTS, RAW, None, training, long, None, verifiers=[Reader()], cache=Path("unused"))
    assert found.raw.eer < 0.02
    with pytest.raises(CorpusError, match="four training speakers"):
        measure_identity(TESTS, RAW, None, training, voices, None, verifiers=[Reader()], cache=Path("unused"))


def test_clips_without_an_embedding_leave_their_trials_out() -> None:
    raw = [Processed(np.full(DIM + 1, np.nan, np.float32), None, 0) if i in (0, 1, 12, 16, 20) else p
           for i, p in enumerate(RAW)]  # fmt: skip
    found = measured(raw=raw)
    # Utterance 0 does not enrol the first speaker alone, 1 is tested with 20 models, and without 12, 16 and 20 the
    # second speaker has no model.
    assert found.raw.left_out == 20 + 20 * 9 - 1
    assert found.raw.targets + found.raw.nontargets + found.raw.left_out == 20 * 20 * 9
    assert found.raw.eer < 0.02


def test_nobody_is_learned_from_and_tested() -> None:
    with pytest.raises(CorpusError, match="speaker t00 is both"):
        measure_identity(TESTS, RAW, None, TESTS, RAW, None, verifiers=[Reader()], cache=Path("unused"))
    with pytest.raises(ValueError, match="none of them"):
        measured(RAW)


def test_equal_seeds_give_equal_results() -> None:
    assert measured(seed=3) == measured(seed=3)


def test_back_ends_give_unit_vectors_and_keep_what_is_missing() -> None:
    x = np.array([p.audio[:DIM] + 5 for p in RAW if p.audio is not None])
    speakers = np.array([u.speaker for u in TESTS])
    for fit in (centred, discriminant):
        rows = fit(x, speakers)(np.concatenate([x, np.full((1, DIM), np.nan, np.float32)]))
        np.testing.assert_allclose(np.linalg.norm(rows[:-1], axis=1), 1, rtol=1e-5)
        assert np.isnan(rows[-1]).all()
    with pytest.raises(CorpusError, match="two items each"):
        discriminant(x[::12], speakers[::12])


def test_calibrated_scores_are_likelihood_ratios() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(40), 6).astype(str)
    voices = np.repeat(rng.standard_normal((40, DIM)), 6, axis=0) + rng.standard_normal((240, DIM))
    rows = centred(voices.astype(np.float32), speakers)(voices.astype(np.float32))
    llr = calibration(rows, speakers)
    left, right = np.triu_indices(240, 1)
    scores, same = np.sum(rows[left] * rows[right], axis=1), speakers[left] == speakers[right]
    own = cllr(llr(scores[same]), llr(scores[~same]))
    assert own < cllr(scores[same], scores[~same])
    for factor in (0.5, 2.0):
        assert own < cllr(factor * llr(scores[same]), factor * llr(scores[~same]))
    with pytest.raises(CorpusError, match="two items each"):
        calibration(rows[::6], speakers[::6])
