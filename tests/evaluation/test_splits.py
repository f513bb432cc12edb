from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.corpora import Utterance
from edgy_tf.errors import CorpusError
from evaluation.splits import FOLDS, folds, labelled


@given(data=st.data(), people=st.integers(4, 30), seed=st.integers(0, 5))
def test_no_speaker_is_on_both_sides(data: st.DataObject, people: int, seed: int) -> None:
    # Labels of the utterance, as emotions are: every speaker shows each class, in any amounts.
    rows = [(f"s{i}", c) for i in range(people) for c in "abc" for _ in range(data.draw(st.integers(1, 3)))]
    speakers, labels = zip(*rows, strict=True)
    parts = folds(labels, speakers, seed=seed)
    assert 2 <= len(parts) <= min(FOLDS, people)
    for fold in parts:
        assert not {speakers[i] for i in fold.train} & {speakers[i] for i in fold.test}
        assert {labels[i] for i in fold.train} == set(labels)
    np.testing.assert_array_equal(np.sort(np.concatenate([f.test for f in parts])), np.arange(len(labels)))


@given(women=st.integers(2, 20), men=st.integers(2, 20), takes=st.integers(1, 4), seed=st.integers(0, 5))
def test_labels_of_a_speaker_are_spread(women: int, men: int, takes: int, seed: int) -> None:
    speakers = [f"s{i}" for i in range(women + men) for _ in range(takes)]
    labels = ["F" if int(s[1:]) < women else "M" for s in speakers]
    parts = folds(labels, speakers, seed=seed)
    assert len(parts) >= 2
    for fold in parts:
        assert not {speakers[i] for i in fold.train} & {speakers[i] for i in fold.test}
        assert {labels[i] for i in fold.train} == {"F", "M"}
    assert sorted(i for f in parts for i in f.test) == list(range(len(labels)))


def test_a_seed_gives_its_folds() -> None:
    speakers = [f"s{i}" for i in range(20) for _ in range(5)]
    labels = ["FM"[int(s[1:]) % 2] for s in speakers]
    once, again, other = (folds(labels, speakers, seed=seed) for seed in (0, 0, 1))
    assert all((a.test == b.test).all() for a, b in zip(once, again, strict=True))
    assert any(set(a.test) != set(b.test) for a, b in zip(once, other, strict=True))


@pytest.mark.parametrize(
    ("labels", "speakers", "message"),
    [
        ("FFFFF", "abcde", "1 class of labels"),
        ("", "", "0 class of labels"),
        ("FMF", "abc", "3 speakers are too few"),
        ("FFFFM", "abcde", "only one speaker has 'M'"),
    ],
)
def test_what_cannot_be_split_is_one_line(labels: str, speakers: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        folds(list(labels), list(speakers))
    assert "\n" not in str(error.value)


def test_children_are_left_out_of_gender_alone() -> None:
    def person(age: int | None, gender: str | None = "F", emotion: str | None = "calm") -> Utterance:
        return Utterance(Path("a.wav"), "s", "test", "eval", gender=gender, age=age, emotion=emotion)  # type: ignore[arg-type]

    people = [person(7), person(17), person(18), person(None), person(30, gender=None), person(30, emotion=None)]
    assert labelled(people, "gender") == [people[2], people[3], people[5]]
    assert labelled(people, "emotion") == people[:5]
