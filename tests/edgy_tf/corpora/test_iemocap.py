from collections.abc import Callable
from pathlib import Path

from edgy_tf.corpora import load, open_corpus

LABELS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M001\txxx\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
"""
WORDS = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M001 [010.0100-011.3925]: Do you have your forms?
M: Yeah.
"""


def test_the_layout_is_read(
    tmp_path: Path,
    write_tone: Callable[..., Path],
    write_bad: Callable[[Path], list[Path]],
    write_text: Callable[[Path, str], Path],
) -> None:
    session = tmp_path / "Session1"
    write_text(session / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt", LABELS)
    write_text(session / "dialog" / "EmoEvaluation" / "._Ses01F_impro01.txt", "\0\5\x16\7")
    write_text(session / "dialog" / "transcriptions" / "Ses01F_impro01.txt", WORDS)
    dialog = session / "sentences" / "wav" / "Ses01F_impro01"
    for name in ("Ses01F_impro01_F000", "Ses01F_impro01_M001", "Ses01F_impro01_M002"):
        write_tone(dialog / f"{name}.wav")
    write_text(dialog / "._Ses01F_impro01_F000.wav", "\0\5\x16\7")
    write_tone(dialog / "Session.wav")
    write_bad(dialog / "Ses01F_script02_2_F003.wav")
    corpus = open_corpus(tmp_path)
    female, male, unlabelled = corpus.utterances[:3]
    assert (female.speaker, female.source, female.split, female.gender) == ("Ses01F", "iemocap", "eval", "F")
    assert (female.emotion, female.seconds, female.transcript) == ("neutral", 1.9456, "Excuse me.")
    assert (male.speaker, male.gender, male.emotion) == ("Ses01M", "M", None)
    assert (male.seconds, male.transcript) == (1.3825, "Do you have your forms?")
    assert (unlabelled.emotion, unlabelled.seconds, unlabelled.transcript) == (None, None, None)
    assert not any(u.trainable for u in corpus.utterances)
    assert len(list(load(corpus))) == 3
    assert [path.name for path, _ in corpus.skipped] == [
        "Session.wav",
        "Ses01F_script02_2_F003_cut.wav",
        "Ses01F_script02_2_F003_empty.wav",
        "Ses01F_script02_2_F003_photo.wav",
    ]
