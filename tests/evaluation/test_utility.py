import threading
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import Utterance
from edgy_tf.errors import CorpusError
from edgy_tf.recognisers import Segment
from evaluation.utility import measure_utility, transcripts, write_tsv


class Listener:
    """A recogniser that hears how long something is."""

    name = "listener"
    reads, at_once = True, 1

    def __init__(self) -> None:
        self.heard = 0

    def transcribe(self, audio: np.ndarray) -> str:
        self.heard += 1
        return "one two " * len(audio)

    def read(self, features: np.ndarray) -> str:
        self.heard += 1
        return f"features {len(features)}"

    def read_segments(self, features: np.ndarray) -> list[Segment]:
        raise AssertionError("of an utterance only its whole text is measured")


def spoken(words: list[str]) -> list[Utterance]:
    return [Utterance(Path(f"{i}.wav"), f"s{i % 2}", "here", "test", transcript=text) for i, text in enumerate(words)]


def test_what_was_heard_once_is_not_heard_again(tmp_path: Path) -> None:
    listener, sound = Listener(), [np.zeros(1, np.float32), np.ones(2, np.float32), np.zeros(1, np.float32)]
    texts = transcripts(listener, sound, tmp_path / "texts")
    assert [text.split().count("one") for text in texts] == [1, 2, 1]
    assert listener.heard == 2
    assert transcripts(listener, sound, tmp_path / "texts") == texts
    assert listener.heard == 2
    other = Listener()
    other.name = "other"
    transcripts(other, sound, tmp_path / "texts")
    assert other.heard == 2


def test_utterances_heard_at_once_keep_their_order(tmp_path: Path) -> None:
    class Pair(Listener):
        at_once = 2
        both = threading.Barrier(2, timeout=60)

        def transcribe(self, audio: np.ndarray) -> str:
            self.both.wait()
            return super().transcribe(audio)

    sound = [np.full(n, n, np.float32) for n in (1, 2, 3, 4)]
    texts = transcripts(Pair(), iter(sound), tmp_path / "texts")
    assert [text.split().count("one") for text in texts] == [1, 2, 3, 4]


def test_features_are_read_and_not_taken_for_sound(tmp_path: Path) -> None:
    listener, features = Listener(), [np.zeros((1, 80), np.float32)]
    transcripts(listener, [f.ravel() for f in features], tmp_path)
    assert transcripts(listener, features, tmp_path, path="text") == ["features 1"]


def test_word_error_rate_and_interval() -> None:
    words = ["ONE TWO", "THREE FOUR", "FIVE SIX", "SEVEN EIGHT"]
    found = measure_utility("edgy", "text", "listener", spoken(words), ["one two", "three", "five six", "seven one"])
    assert (found.utterances, found.speakers, found.source, found.path) == (4, 2, "here", "text")
    assert found.wer == pytest.approx(2 / 8)
    # One speaker was heard without an error, of the other two of four words were lost.
    assert (found.low, found.high) == (0, 0.5)
    with pytest.raises(CorpusError, match="no words"):
        measure_utility("edgy", "text", "listener", spoken(["", ""]), ["", ""])


def test_tsv(tmp_path: Path) -> None:
    write_tsv(tmp_path / "t.tsv", spoken(["A B", "C"]), {"raw speech": ["a b", "d"], "edgy text": ["a", ""]})
    rows = [line.split("\t") for line in (tmp_path / "t.tsv").read_text().split("\n")]
    assert rows[0] == ["source", "speaker", "file", "transcript", "raw speech", "edgy text"]
    assert rows[2] == ["here", "s1", "1.wav", "C", "d", ""]
