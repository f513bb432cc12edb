from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgy_tf.corpora import Corpus, Utterance
from evaluation.selection import fingerprint, some_of_each, sources_of, spoken, spread

MOODS = ("calm", "happy", "sad", "angry")


def utterances(folder: str = "a") -> list[Utterance]:
    """Ten speakers of 12 utterances, whose emotions come in a fixed order."""
    return [
        Utterance(Path(folder) / f"{s}-{i:02}.wav", f"s{s}", "here" if s < 8 else "there", "test", emotion=MOODS[i % 4])
        for s in range(10)
        for i in range(12)
    ]


def test_neither_order_nor_folder_decides() -> None:
    every = utterances()
    chosen = some_of_each(every, 3, speakers=5)
    assert Counter(Counter(u.speaker for u in chosen).values()) == {3: 5}
    shuffled = [utterances("b")[i] for i in np.random.default_rng(0).permutation(len(every))]
    assert [u.path.name for u in some_of_each(shuffled, 3, speakers=5)] == [u.path.name for u in chosen]
    # One utterance less moves no other in.
    less = some_of_each([u for u in every if u != chosen[0]], 3, speakers=5)
    assert set(chosen[1:]) <= set(less)


def test_the_order_of_a_corpus_does_not_pick_one_mood() -> None:
    assert len({u.emotion for u in some_of_each(utterances(), 3)}) == 4


def test_spread_takes_as_many_of_each_speaker() -> None:
    chosen = spread(utterances(), 25)
    assert len(chosen) == 25
    assert set(Counter(u.speaker for u in chosen).values()) <= {2, 3}
    uneven = [u for u in utterances() if u.speaker == "s0" or u.path.name.endswith("-00.wav")]
    assert len(spread(uneven, 15)) == 15
    assert spread(uneven, 1000) == sorted(uneven, key=lambda u: (u.speaker, u.path.name))
    assert spread([], 5) == []


def test_sources() -> None:
    corpus = Corpus(utterances())
    assert sources_of(corpus, "test", "eval") == ["here", "there"]
    assert sources_of(corpus, "train") == []


def test_words_are_measured_where_they_are_known_in_the_test_split() -> None:
    every = [replace(u, transcript="words") for u in utterances()]
    silent, learned = replace(every[0], transcript=None), replace(every[1], speaker="s99", split="train")
    chosen = spoken(Corpus([silent, learned, *every[2:]]), 20)
    assert list(chosen) == ["here", "there"]
    assert [len(of) for of in chosen.values()] == [20, 20]
    assert chosen["there"] == spread([u for u in every if u.source == "there"], 20)
    assert not {silent, learned} & set(spoken(Corpus([silent, learned, *every[2:]]), 1000)["here"])
    assert spoken(Corpus([silent, learned]), 5) == {}


def test_the_fingerprint_is_of_what_was_heard() -> None:
    every = utterances()
    assert fingerprint(every) == fingerprint(reversed(utterances("elsewhere")))
    assert fingerprint(every) != fingerprint(every[1:])
