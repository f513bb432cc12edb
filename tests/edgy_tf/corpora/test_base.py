import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from edgy_tf.corpora import Corpus, Split, Utterance, hold_out, load, open_corpus
from edgy_tf.errors import CorpusError


def utterance(
    speaker: str,
    number: int = 0,
    split: Split = "train",
    source: str = "made",
    licence: str | None = None,
) -> Utterance:
    return Utterance(Path(f"{speaker}-{number}.wav"), speaker, source, split, licence=licence)


SPEAKERS = st.sets(st.text("abcdef0123456789", min_size=1, max_size=6), min_size=2, max_size=30)


@settings(deadline=None)
@given(SPEAKERS, st.floats(0.01, 0.6), st.integers(0, 1000))
def test_held_out_speakers_are_in_one_part_only(speakers: set[str], fraction: float, seed: int) -> None:
    corpus = Corpus([utterance(speaker, n) for speaker in sorted(speakers) for n in range(2)])
    try:
        train, valid = hold_out(corpus, fraction, seed)
    except CorpusError:
        reject()  # Everybody falls below the fraction.
    assert set(train.speakers).isdisjoint(valid.speakers)
    assert {*train.speakers, *valid.speakers} == speakers
    assert train.utterances
    assert valid.utterances
    assert {u.split for u in train.utterances} == {"train"}
    assert {u.split for u in valid.utterances} == {"valid"}
    # The parts are a corpus again, without a speaker in two splits.
    assert len(Corpus.merge([train, valid]).utterances) == len(corpus.utterances)


@settings(deadline=None)
@given(SPEAKERS, st.integers(0, 1000), st.integers(1, 5))
def test_more_files_move_nobody(speakers: set[str], seed: int, more: int) -> None:
    few = Corpus([utterance(speaker) for speaker in sorted(speakers)])
    many = Corpus([utterance(speaker, n) for n in range(more) for speaker in sorted(speakers, reverse=True)])
    for before, after in zip(hold_out(few, 0.01, seed), hold_out(many, 0.01, seed), strict=True):
        assert before.speakers == after.speakers


def test_more_speakers_move_nobody() -> None:
    names = [f"speaker{n}" for n in range(300)]
    held_of_few = set(hold_out(Corpus([utterance(n) for n in names[:200]]), 0.1, 7)[1].speakers)
    held_of_all = set(hold_out(Corpus([utterance(n) for n in names]), 0.1, 7)[1].speakers)
    assert held_of_few == held_of_all & set(names[:200])
    assert len(held_of_all) == pytest.approx(30, abs=15)
    assert held_of_all != set(hold_out(Corpus([utterance(n) for n in names]), 0.1, 8)[1].speakers)


def test_only_what_may_train_is_held_out_or_trained_on() -> None:
    corpus = Corpus(
        [
            *(utterance(f"free{n}", licence="CC BY 4.0") for n in range(4)),
            *(utterance(f"nc{n}", licence="CC BY-NC-SA 4.0") for n in range(4)),
            *(utterance(f"test{n}", split="test") for n in range(4)),
        ]
    )
    train, valid = hold_out(corpus, 0.2, 0)
    assert sorted([*train.speakers, *valid.speakers]) == ["free0", "free1", "free2", "free3"]


def test_holding_out_everybody_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"holding out 0\.999 of 2 speakers leaves none"):
        hold_out(Corpus([utterance("a"), utterance("b")]), 0.999, 0)


@pytest.mark.parametrize("count", [0, 1])
def test_holding_out_needs_two_speakers(count: int) -> None:
    with pytest.raises(CorpusError, match=f"^{count} speakers .* add speakers$"):
        hold_out(Corpus([utterance(f"s{n}") for n in range(count)]), 0.1, 0)


@pytest.mark.parametrize(
    ("licence", "trainable"),
    [
        (None, True),
        ("CC BY 4.0", True),
        ("CC BY-SA 4.0", True),
        ("free for commercial and non-commercial use (corpus README; OpenSLR SLR101)", True),
        ("CC BY-NC 4.0", False),
        ("CC BY-NC-SA 4.0", False),
        ("cc-by-nc-4.0", False),
        ("Creative Commons Attribution-NonCommercial", False),
        ("non-commercial use only", False),
        ("research only (IEMOCAP release form)", False),
    ],
)
def test_non_commercial_licences_never_train(licence: str | None, trainable: bool) -> None:
    corpus = Corpus([utterance("a", licence=licence)])
    assert bool(corpus.trainable().utterances) is trainable


def test_selecting_combines_conditions() -> None:
    corpus = Corpus(
        [
            utterance("a", source="x"),
            utterance("b", source="y"),
            utterance("c", source="x", split="test"),
        ]
    )
    assert corpus.speakers == ["a", "b", "c"]
    assert corpus.select(split="train").speakers == ["a", "b"]
    assert corpus.select(split="train", source="x").speakers == ["a"]
    assert corpus.select(speakers={"b", "c"}).speakers == ["b", "c"]
    assert corpus.select().utterances == corpus.utterances


def test_a_speaker_in_two_splits_is_named() -> None:
    with pytest.raises(CorpusError, match=r"^speaker bob is in both train and test; "):
        Corpus([utterance("amy"), utterance("bob"), utterance("bob", 1, split="test")])


def test_merging_keeps_each_file_once_and_every_report() -> None:
    first = Corpus([utterance("a"), utterance("b")], [(Path("x.wav"), "has 0 bytes")])
    second = Corpus([utterance("b"), utterance("c")], [(Path("y.wav"), "has no samples")])
    merged = Corpus.merge([first, second])
    assert [u.speaker for u in merged.utterances] == ["a", "b", "c"]
    assert merged.skipped_report() == "x.wav: has 0 bytes\ny.wav: has no samples"
    with pytest.raises(CorpusError, match="speaker a is in both"):
        Corpus.merge([first, Corpus([utterance("a", 1, split="eval")])])


def test_bad_files_are_skipped_and_each_named_once(
    tmp_path: Path, write_tone: Callable[..., Path], write_bad: Callable[[Path], list[Path]]
) -> None:
    good = write_tone(tmp_path / "good.wav")
    bad = [*write_bad(tmp_path / "bad.wav"), tmp_path / "missing.wav"]
    corpus = Corpus([Utterance(path, "a", "made", "train") for path in [bad[0], good, *bad[1:]]])
    progress: list[tuple[int, int]] = []
    for _epoch in range(2):
        progress.clear()
        loaded = list(load(corpus.select(split="train"), lambda done, total: progress.append((done, total))))
        assert [u.path for u, _ in loaded] == [good]
        assert loaded[0][1].dtype == np.int16
        assert loaded[0][1].shape == (1600,)
        assert progress == [(done, 5) for done in range(1, 6)]
    # What a selection skipped is in the report of the whole.
    report = corpus.skipped_report().splitlines()
    assert report[0] == f"{bad[0]}: has 0 bytes; copy or record it again"
    assert [line.partition(": ")[0] for line in report] == [str(path) for path in bad]


def test_an_unknown_layout_is_told_which_there_are(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    write_tone(tmp_path / "a.wav")
    with pytest.raises(CorpusError) as raised:
        open_corpus(tmp_path)
    message = str(raised.value)
    for name in (str(tmp_path), "manifest.tsv", "LibriSpeech", "VoxCeleb", "RAVDESS", "IEMOCAP"):
        assert name in message
    assert "\n" not in message


def test_a_missing_folder_and_one_without_speech_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        open_corpus(tmp_path / "missing")
    (tmp_path / "Actor_01").mkdir()
    with pytest.raises(CorpusError, match=r"has no speech; expected RAVDESS"):
        open_corpus(tmp_path)


def test_the_real_corpus_has_what_its_sources_say(real_corpus: Path) -> None:
    corpus = open_corpus(real_corpus)
    table = re.findall(
        r"^\| (\w+)[^|]*\| (\w+) \| (\d+)[^|]*\| (\d+) \|", (real_corpus / "SOURCES.md").read_text("utf-8"), re.M
    )
    assert len(table) == 6
    assert Counter((u.source, u.split) for u in corpus.utterances) == {
        (source, split): int(files) for source, split, _, files in table
    }
    for source, split, speakers, _ in table:
        assert len(corpus.select(source=source, split=split).speakers) == int(speakers)
    assert corpus.trainable().select(split="eval").utterances == []
    some = Corpus(corpus.utterances[::1500])
    for told, samples in load(some):
        assert told.seconds is not None
        assert len(samples) / 16000 == pytest.approx(told.seconds, abs=0.1)
    assert some.skipped == []
