import sys
from typing import Any

import numpy as np
import pytest

from edgy_tf.errors import CorpusError, MissingDependencyError
from evaluation.attackers import CLASSIFIERS, FRAMES, NETWORK, Heard, attack, measure
from evaluation.features import Codes, Floats
from evaluation.splits import Attribute
from evaluation.verdict import Attack, Measurement, Score, judge

SPEAKERS = np.repeat([f"s{i:02}" for i in range(16)], 8)
GENDER = np.repeat(["F", "M"] * 8, 8)
EMOTION = np.tile(["angry", "calm", "happy", "sad"], 32)
FAST = ("logistic regression", "SVM")


def telling(labels: np.ndarray, seed: int = 0) -> Floats:
    """Features that tell the label among ones that tell nothing, ``[128, 12]``."""
    rng = np.random.default_rng(seed)
    centres = 3 * np.eye(12)[np.unique(labels, return_inverse=True)[1]]
    return (centres + rng.standard_normal((len(labels), 12))).astype(np.float32)


def noise(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal((len(SPEAKERS), 12)).astype(np.float32)


def random_codes(seed: int = 0) -> list[Codes]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 20, rng.integers(20, 30)).astype(np.int32) for _ in SPEAKERS]


def attacked(
    attribute: Attribute,
    labels: np.ndarray,
    processed: dict[str, Floats] | None = None,
    codes: list[Codes] | None = None,
    **about: Any,
) -> Measurement:
    """What is found out about one system, or, without one, about raw speech."""
    systems = {} if processed is None and codes is None else {"it": Heard(processed or {}, codes)}
    found = measure(attribute, labels.tolist(), SPEAKERS.tolist(), systems=systems, **about)
    return found["it" if systems else "raw"]


def of(measurement: Measurement, scenario: str) -> list[Attack]:
    return [a for a in measurement.attacks if a.scenario == scenario]


def test_an_attacker_learns_from_further_speakers_without_being_asked_about_them() -> None:
    few = np.isin(SPEAKERS, ["s00", "s01", "s02", "s03"])
    order = np.concatenate([np.flatnonzero(few), np.flatnonzero(~few)])
    hard = 0.3 * telling(GENDER) + noise()
    best = []
    for taught in (0, 96):
        rows = order[: 32 + taught]
        about: dict[str, Any] = {"raw": {"f": hard[rows]}, "classifiers": FAST, "taught": taught}
        found = measure("gender", GENDER[rows].tolist(), SPEAKERS[rows].tolist(), **about)["raw"]
        assert (found.speakers, found.utterances) == (4, 32)
        best.append(max(a.score.value for a in found.attacks))
    assert best[0] + 0.1 < best[1]


def test_a_speaker_is_not_both_taught_and_tested() -> None:
    with pytest.raises(CorpusError, match="s15 is both"):
        measure("gender", GENDER.tolist(), SPEAKERS.tolist(), raw={"f": noise()}, classifiers=FAST, taught=4)


def test_an_anonymiser_that_returns_its_input_is_called_out() -> None:
    x = telling(GENDER)
    found = attacked("gender", GENDER, raw={"f": x}, processed={"f": x}, classifiers=tuple(CLASSIFIERS))
    assert found.outcome == "not protected"
    assert (found.chance, found.speakers, found.utterances, found.bar) == (0.5, 16, 128, 0.95)
    assert {(a.scenario, a.classifier) for a in found.attacks} == {
        (s, c) for s in ("raw", "ignorant", "lazy-informed", "semi-informed") for c in CLASSIFIERS
    }
    assert all(a.score.value > 0.9 and not a.broken for a in found.attacks)
    assert found.raw is not None
    assert found.best is not None
    assert found.raw.score == found.best.score


def test_codes_with_the_gender_in_them_are_called_out() -> None:
    x = telling(GENDER)
    codes = [np.append(c, 100 + (g == "M")) for c, g in zip(random_codes(), GENDER, strict=True)]
    about: dict[str, Any] = {"raw": {"f": x}, "processed": {"f": noise()}, "classifiers": FAST}
    assert attacked("gender", GENDER, **about, codes=random_codes()).outcome == "protected"
    found = attacked("gender", GENDER, **about, codes=codes)
    assert found.outcome == "not protected"
    assert found.best is not None
    assert found.best.scenario == "code-level"
    assert found.best.score.value > 0.95


def test_flipped_labels_are_a_broken_attacker_and_no_protection() -> None:
    x = telling(GENDER)
    flipped = telling(np.where(GENDER == "F", "M", "F"), seed=1)
    found = attacked("gender", GENDER, raw={"f": x}, processed={"f": flipped}, classifiers=FAST)
    for a in of(found, "ignorant"):
        assert a.score.value < 0.1
        assert a.broken
        assert a.counted == Score(1 - a.score.value, 1 - a.score.high, 1 - a.score.low)
    assert found.outcome == "not protected"


def test_permuted_emotions_count_by_the_retrained_attacker() -> None:
    x = telling(EMOTION)
    processed = telling(np.roll(EMOTION, 1), seed=1)
    found = attacked("emotion", EMOTION, raw={"f": x}, processed={"f": processed}, classifiers=FAST)
    for ignorant, informed in zip(of(found, "ignorant"), of(found, "semi-informed"), strict=True):
        assert ignorant.broken
        assert ignorant.score.value < 0.1
        assert ignorant.counted == informed.score
    assert found.outcome == "not protected"


def test_a_broken_attacker_without_a_retrained_fellow_counts_for_nothing() -> None:
    raw, broken = Score(0.8, 0.7, 0.9), Score(0.1, 0.05, 0.2)
    attacks = judge(
        {("raw", "f", "SVM"): raw, ("ignorant", "f", "SVM"): broken, ("semi-informed", "f", "SVM"): broken}, 4
    )
    assert [a.counted for a in attacks] == [raw, None, None]
    found = Measurement("emotion", tuple("abcd"), 128, 16, 0.5, 0.05, attacks)
    assert found.best is None
    assert found.outcome == "not measured (attackers too weak)"


@pytest.mark.parametrize(("attribute", "labels"), [("gender", GENDER), ("emotion", EMOTION)])
def test_noise_is_chance(attribute: Attribute, labels: np.ndarray) -> None:
    held = []
    for seed in range(6):
        found = attacked(
            attribute,
            labels,
            raw={"f": telling(labels, seed)},
            processed={"f": noise(100 + seed)},
            classifiers=FAST[:1],
            seed=seed,
        )
        assert found.outcome == "protected"
        held += [a.score.low <= found.chance <= a.score.high for a in found.attacks if a.scenario != "raw"]
    assert np.mean(held) >= 0.7


def test_attackers_that_fail_on_raw_speech_protect_nobody() -> None:
    silent = attacked("gender", GENDER, raw={"f": noise(2)}, processed={"f": noise(3)}, classifiers=FAST)
    assert silent.outcome == "not measured (attackers too weak)"
    # But what leaks is said, even so.
    leak = attacked("gender", GENDER, raw={"f": noise()}, processed={"f": telling(GENDER)}, classifiers=FAST)
    assert leak.outcome == "not protected"


def test_equal_seeds_give_equal_results() -> None:
    x = telling(GENDER)
    once, again = (attacked("gender", GENDER, raw={"f": x}, classifiers=("MLP", "random forest")) for _ in range(2))
    assert once == again


def test_features_that_are_missing_or_far_off_do_not_stop_an_attacker() -> None:
    x = telling(GENDER)
    x[3] = np.nan
    x[:, 11] = np.nan
    x[5, 0] = 1e12
    for [answers] in attack(x, GENDER, x, classifiers=FAST).values():
        assert np.mean(answers == GENDER) > 0.9


def test_one_system_does_not_touch_another() -> None:
    x = telling(GENDER)
    leaky, silent = Heard({"f": telling(GENDER, 1)}), Heard({"f": noise()}, random_codes())
    about: Any = {"raw": {"f": x}, "classifiers": FAST}
    both = measure("gender", GENDER.tolist(), SPEAKERS.tolist(), systems={"a": leaky, "b": silent}, **about)
    assert both["a"] == attacked("gender", GENDER, dict(leaky.features), **about)
    assert both["b"] == attacked("gender", GENDER, dict(silent.features), list(silent.codes or []), **about)
    assert both["raw"] == attacked("gender", GENDER, **about)
    assert [both[name].outcome for name in "ab"] == ["not protected", "protected"]


def test_rows_must_agree() -> None:
    with pytest.raises(CorpusError, match="128 labels but rows of") as error:
        attacked("gender", GENDER, raw={"f": noise()[1:]})
    assert "\n" not in str(error.value)
    with pytest.raises(CorpusError, match="128 labels but rows of"):
        attacked("gender", GENDER, raw={"f": noise()}, codes=[])
    with pytest.raises(CorpusError, match="1 class"):
        attacked("gender", np.repeat("F", 128), raw={"f": noise()})


def test_a_lazy_attacker_undoes_what_processing_moved() -> None:
    x = telling(GENDER)
    found = attacked("gender", GENDER, raw={"f": x}, processed={"f": 7 - 3 * telling(GENDER, seed=1)}, classifiers=FAST)
    # Turned around and moved: what was trained on raw speech has it backwards, and so has the lazy one, below chance.
    for ignorant, lazy in zip(of(found, "ignorant"), of(found, "lazy-informed"), strict=True):
        assert ignorant.score.value <= 0.6
        assert lazy.broken
        assert lazy.counted is not None
        assert lazy.counted.value > 0.95
    moved = attacked("gender", GENDER, raw={"f": x}, processed={"f": 7 + 3 * telling(GENDER, seed=1)}, classifiers=FAST)
    assert all(a.score.value > 0.95 for a in of(moved, "lazy-informed"))


def test_frames_are_for_the_network_alone() -> None:
    y = np.tile([0.0, 1.0], 64)[:, None, None]
    frames = np.random.default_rng(0).standard_normal((128, 20, 4)).astype(np.float32) + y.astype(np.float32)
    found = attacked("gender", np.where(y.ravel() > 0, "F", "M"), raw={FRAMES: frames}, classifiers=("SVM", NETWORK))
    assert {(a.features, a.classifier) for a in found.attacks} == {(FRAMES, NETWORK)}
    assert found.raw is not None
    assert found.raw.score.value > 0.9
    assert attacked("gender", GENDER, raw={FRAMES: frames}, classifiers=FAST).attacks == ()


def test_without_keras_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[cloud\]") as error:
        attacked("gender", GENDER, raw={}, codes=random_codes(), classifiers=(NETWORK,))
    assert "\n" not in str(error.value)
