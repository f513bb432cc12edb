from collections.abc import Callable
from pathlib import Path

import pytest

from edgy_tf.corpora import load, open_corpus

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def test_names_are_read(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    write_tone(tmp_path / "Actor_12" / "03-01-06-01-02-01-12.wav")
    [told] = open_corpus(tmp_path).utterances
    assert (told.speaker, told.source, told.split, told.gender) == ("rav12", "ravdess", "eval", "F")
    assert (told.emotion, told.transcript) == ("fearful", "Dogs are sitting by the door")
    assert (told.language, told.licence, told.trainable) == ("en", "CC BY-NC-SA 4.0", False)


@pytest.mark.parametrize(("number", "emotion"), list(enumerate(EMOTIONS, start=1)))
def test_emotions_and_genders(tmp_path: Path, write_tone: Callable[..., Path], number: int, emotion: str) -> None:
    write_tone(tmp_path / f"Actor_{number:02}" / f"03-01-{number:02}-01-01-02-{number:02}.wav")
    [told] = open_corpus(tmp_path).utterances
    assert told.emotion == emotion
    assert told.gender == ("M" if number % 2 else "F")
    assert told.transcript == "Kids are talking by the door"


def test_what_is_not_speech_is_named(
    tmp_path: Path, write_tone: Callable[..., Path], write_bad: Callable[[Path], list[Path]]
) -> None:
    actor = tmp_path / "Actor_01"
    good = write_tone(actor / "03-01-01-01-01-01-01.wav")
    write_tone(actor / "03-02-01-01-01-01-01.wav")
    write_tone(actor / "01-01-01-01-01-01-01.wav")
    write_tone(actor / "03-01-09-01-01-01-01.wav")
    (actor / "03-01-02-01-01-01-01.wav").touch()
    corpus = open_corpus(tmp_path)
    assert [u.path for u, _ in load(corpus)] == [good]
    assert dict(line.rsplit("/", 1)[1].split(": ") for line in corpus.skipped_report().splitlines()) == {
        "01-01-01-01-01-01-01.wav": "is the sound of a video, of which the audio-only clip is the same",
        "03-01-09-01-01-01-01.wav": "has no RAVDESS name; expected seven numbers like 03-01-06-01-02-01-12",
        "03-02-01-01-01-01-01.wav": "is song, not speech",
        "03-01-02-01-01-01-01.wav": "has 0 bytes; copy or record it again",
    }
