from collections.abc import Callable
from pathlib import Path

import pytest

from edgy_tf.corpora import load, open_corpus
from edgy_tf.errors import CorpusError


@pytest.fixture
def folder(
    tmp_path: Path,
    write_tone: Callable[..., Path],
    write_bad: Callable[[Path], list[Path]],
    write_text: Callable[[Path, str], Path],
) -> Path:
    root = tmp_path / "LibriSpeech"
    write_text(
        root / "SPEAKERS.TXT",
        ";ID  |SEX| SUBSET           |MINUTES| NAME\n"
        "19   | F | train-clean-100  | 25.19 | Kara Shallenberg\n"
        "84   | F | dev-clean        | 8.02  | Christie Nowak\n"
        "1688 | M | test-other       | 8.10  | Name | with a bar\n",
    )
    for subset, reader in (
        ("train-clean-100", "19"),
        ("dev-clean", "84"),
        ("test-other", "1688"),
        ("dev-other", "7"),
    ):
        chapter = root / subset / reader / "142"
        write_tone(chapter / f"{reader}-142-0000.flac")
        write_tone(chapter / f"{reader}-142-0001.flac")
        write_text(chapter / f"{reader}-142.trans.txt", f"{reader}-142-0000 THERE'S IRON THEY SAY\n")
    write_bad(root / "dev-other" / "7" / "142" / "7-142-0002.flac")
    return tmp_path


@pytest.mark.parametrize("named", [".", "LibriSpeech"])
def test_the_layout_is_read(folder: Path, named: str) -> None:
    corpus = open_corpus(folder / named)
    told = {u.path.stem: u for u in corpus.utterances}
    assert len(told) == 11
    train = told["19-142-0000"]
    assert (train.speaker, train.source, train.split, train.gender) == ("ls19", "librispeech", "train", "F")
    assert (train.transcript, train.language, train.trainable) == ("THERE'S IRON THEY SAY", "en", True)
    assert told["19-142-0001"].transcript is None
    assert (told["84-142-0000"].split, told["84-142-0000"].gender) == ("valid", "F")
    assert (told["1688-142-0000"].split, told["1688-142-0000"].gender) == ("test", "M")
    assert (told["7-142-0000"].split, told["7-142-0000"].gender) == ("valid", None)


def test_bad_files_are_named(folder: Path) -> None:
    corpus = open_corpus(folder)
    assert len(list(load(corpus))) == 8
    assert [path.name for path, _ in corpus.skipped] == [
        "7-142-0002_cut.flac",
        "7-142-0002_empty.flac",
        "7-142-0002_photo.flac",
    ]


def test_a_reader_in_two_splits_is_named(folder: Path, write_tone: Callable[..., Path]) -> None:
    write_tone(folder / "LibriSpeech" / "test-other" / "19" / "7" / "19-7-0000.flac")
    with pytest.raises(CorpusError, match="speaker ls19 is in both train and test"):
        open_corpus(folder)
