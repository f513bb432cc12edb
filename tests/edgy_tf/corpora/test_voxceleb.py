from collections.abc import Callable
from pathlib import Path

from edgy_tf.corpora import load, open_corpus


def test_voxceleb1(
    tmp_path: Path,
    write_tone: Callable[..., Path],
    write_bad: Callable[[Path], list[Path]],
    write_text: Callable[[Path, str], Path],
) -> None:
    write_text(
        tmp_path / "vox1_meta.csv",
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        "id10001\tA.J._Buckley\tm\tIreland\tdev\nid10270\tEartha_Kitt\tf\tUSA\ttest\n",
    )
    good = write_tone(tmp_path / "dev" / "wav" / "id10001" / "1zcIwhmdeo4" / "00001.wav")
    bad = write_bad(good)
    write_tone(tmp_path / "test" / "wav" / "id10270" / "5r0dWxy17C8" / "00001.wav")
    corpus = open_corpus(tmp_path)
    assert [(u.speaker, u.source, u.split, u.gender) for u in corpus.utterances] == [
        *[("id10001", "voxceleb1", "train", "M")] * 4,
        ("id10270", "voxceleb1", "test", "F"),
    ]
    assert corpus.utterances[0].trainable
    assert len(list(load(corpus))) == 2
    assert sorted(path for path, _ in corpus.skipped) == sorted(bad)


def test_voxceleb2_names_the_m4a_it_cannot_read(tmp_path: Path, write_text: Callable[[Path, str], Path]) -> None:
    write_text(tmp_path / "vox2_meta.csv", "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set \nid00012 ,n000012 ,m ,dev \n")
    path = write_text(tmp_path / "dev" / "aac" / "id00012" / "21Uxsk56VDQ" / "00001.m4a", "\0\0\0 ftypM4A ")
    corpus = open_corpus(tmp_path)
    [told] = corpus.utterances
    assert (told.speaker, told.source, told.split, told.gender) == ("id00012", "voxceleb2", "train", "M")
    assert list(load(corpus)) == []
    [(skipped, reason)] = corpus.skipped
    assert skipped == path
    assert reason == "cannot be read as audio (Format not recognised); convert it to WAV or FLAC"


def test_without_the_table_gender_is_unknown(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    write_tone(tmp_path / "test" / "wav" / "id10270" / "5r0dWxy17C8" / "00001.wav")
    assert [u.gender for u in open_corpus(tmp_path).utterances] == [None]
