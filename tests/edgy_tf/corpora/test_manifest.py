from collections.abc import Callable
from pathlib import Path

import pytest

from edgy_tf.corpora import load, open_corpus
from edgy_tf.errors import CorpusError

WriteText = Callable[[Path, str], Path]


def test_every_column_is_read(
    tmp_path: Path,
    write_tone: Callable[..., Path],
    write_bad: Callable[[Path], list[Path]],
    write_text: WriteText,
) -> None:
    good = write_tone(tmp_path / "a" / "good.wav")
    bad = write_bad(good)
    rows = [
        "path\tintensity\tsource\tsplit\tspeaker\tgender\tage\temotion\tseconds\ttranscript\tlanguage\tlicence",
        'a/good.wav\tstrong\tmine\ttrain\tamy\tF\t31\thappy\t0.100\tSHE SAID "HI"\u2028THERE\ten\tCC0',
        *(f"a/{path.name}\t\tmine\ttrain\tamy\t\t\t\t\t\t\t" for path in bad),
    ]
    # Saved by a spreadsheet: byte order mark and carriage returns.
    write_text(tmp_path / "manifest.tsv", "\ufeff" + "\r\n".join(rows) + "\r\n")
    corpus = open_corpus(tmp_path)
    first, second = corpus.utterances[:2]
    assert (first.path, first.speaker, first.source, first.split) == (good, "amy", "mine", "train")
    assert (first.gender, first.age, first.emotion, first.seconds) == ("F", 31, "happy", 0.1)
    assert (first.transcript, first.language, first.licence) == ('SHE SAID "HI"\u2028THERE', "en", "CC0")
    assert (second.gender, second.age, second.emotion, second.seconds) == (None, None, None, None)
    assert (second.transcript, second.language, second.licence) == (None, None, None)
    assert [u.path for u, _ in load(corpus)] == [good]
    assert [path for path, _ in corpus.skipped] == bad


def test_three_columns_are_enough(tmp_path: Path, write_text: WriteText) -> None:
    write_text(tmp_path / "mine" / "manifest.tsv", "path\tspeaker\tsplit\na.wav\tamy\teval\n")
    [utterance] = open_corpus(tmp_path / "mine").utterances
    assert (utterance.source, utterance.split, utterance.trainable) == ("mine", "eval", True)


@pytest.mark.parametrize(
    "path",
    ["../a.wav", "a/../../b.wav", "/etc/passwd", "..\\a.wav", "C:\\a.wav", "C:a.wav", "\\\\host\\a.wav"],
)
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, write_text: WriteText, path: str) -> None:
    write_text(tmp_path / "manifest.tsv", f"path\tspeaker\tsplit\n{path}\tamy\ttrain\n")
    with pytest.raises(CorpusError, match=r"line 2: path .* leaves the folder"):
        open_corpus(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: has no column path, speaker, split"),
        ("path\tspeaker\na.wav\tamy", "line 1: has no column split"),
        ("path\tspeaker\tsplit\n", "has no speech"),
        ("path\tspeaker\tsplit\n\na.wav\tamy", "line 3: has 2 columns and the header 3"),
        ("path\tspeaker\tsplit\n\tamy\ttrain", "line 2: path is empty"),
        ("path\tspeaker\tsplit\na.wav\t\ttrain", "line 2: speaker is empty"),
        ("path\tspeaker\tsplit\na.wav\tamy\tdev", "line 2: split is 'dev'; use one of train, valid"),
        ("path\tspeaker\tsplit\tgender\na.wav\tamy\ttrain\tfemale", "line 2: gender is 'female'"),
        ("path\tspeaker\tsplit\tage\na.wav\tamy\ttrain\tyoung", "line 2: age is 'young'"),
        ("path\tspeaker\tsplit\tage\na.wav\tamy\ttrain\t-1", "line 2: age is '-1'"),
        ("path\tspeaker\tsplit\tseconds\na.wav\tamy\ttrain\tinf", "line 2: seconds is 'inf'"),
        ("path\tspeaker\tsplit\na.wav\tamy\ttrain\n./a.wav\tamy\ttrain", "line 3: a.wav is listed twice"),
        (
            "path\tspeaker\tsplit\na.wav\tamy\ttrain\nb.wav\tamy\ttest",
            "speaker amy is in both train and test",
        ),
    ],
)
def test_a_bad_manifest_is_refused_by_line(tmp_path: Path, write_text: WriteText, text: str, message: str) -> None:
    write_text(tmp_path / "manifest.tsv", text)
    with pytest.raises(CorpusError) as raised:
        open_corpus(tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.tsv").write_bytes("path\tspeaker\tsplit\nö.wav\tamy\ttrain".encode("latin-1"))
    with pytest.raises(CorpusError, match="save it as UTF-8"):
        open_corpus(tmp_path)
