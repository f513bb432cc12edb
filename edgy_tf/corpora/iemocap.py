"""IEMOCAP: ten actors in five sessions of scripted and improvised dialogue, labelled by emotion.

Layout: https://sail.usc.edu/iemocap/iemocap_info.htm and the ``README.txt`` of the release:
``SessionN/sentences/wav/DIALOG/UTTERANCE.wav``, labels in ``SessionN/dialog/EmoEvaluation/DIALOG.txt``,
words in ``SessionN/dialog/transcriptions/DIALOG.txt``. The release form allows research only: it never
trains.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from edgy_tf.corpora.base import Corpus, Gender, Utterance

LAYOUT = "IEMOCAP (SessionN/sentences/wav/DIALOG/*.wav)"
# Named as in RAVDESS where both have it. "xxx" (the annotators disagree) is left out: it is no emotion.
_EMOTIONS = {
    "neu": "neutral",
    "hap": "happy",
    "sad": "sad",
    "ang": "angry",
    "fea": "fearful",
    "dis": "disgust",
    "sur": "surprised",
    "fru": "frustrated",
    "exc": "excited",
    "oth": "other",
}
_GENDERS: dict[str, Gender] = {"F": "F", "M": "M"}
# Ses01F_impro01_M000: the first letter says who wears the motion markers, the last one who speaks.
_NAME = re.compile(r"(?P<session>Ses[0-9]{2})[FM]_\w+_(?P<gender>[FM])\w+")
_LABEL = re.compile(r"\[(?P<start>[0-9.]+) - (?P<end>[0-9.]+)\]\t(?P<name>\w+)\t(?P<emotion>\w+)\t")
_WORDS = re.compile(r"(?P<name>Ses\w+) \[[0-9.-]+\]: *(?P<words>.*)")


def recognises(folder: Path) -> bool:
    """Whether the folder has sessions with sentences."""
    return next(folder.glob("Session[1-5]/sentences/wav"), None) is not None


def read(folder: Path) -> Corpus:
    """List the utterances, all in the ``eval`` split; emotion is None where the annotators disagree."""
    corpus = Corpus([])
    for session in sorted(folder.glob("Session[1-5]")):
        labels = {match["name"]: match for match in _matches(session / "dialog/EmoEvaluation", _LABEL)}
        words = {match["name"]: match["words"] for match in _matches(session / "dialog/transcriptions", _WORDS)}
        # "Ses": the release holds stray "._" files of macOS.
        for path in sorted((session / "sentences/wav").glob("*/Ses*.wav")):
            name = _NAME.fullmatch(path.stem)
            if name is None:
                corpus.skipped.append((path, "has no IEMOCAP name; expected one like Ses01F_impro01_M000"))
                continue
            label = labels.get(path.stem)
            corpus.utterances.append(
                Utterance(
                    path=path,
                    speaker=name["session"] + name["gender"],
                    source="iemocap",
                    split="eval",
                    gender=_GENDERS[name["gender"]],
                    emotion=_EMOTIONS.get(label["emotion"]) if label else None,
                    seconds=round(float(label["end"]) - float(label["start"]), 4) if label else None,
                    transcript=words.get(path.stem),
                    language="en",
                    licence="research only (IEMOCAP release form)",
                )
            )
    return corpus


def _matches(folder: Path, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Every line of the folder's dialogues that matches from its start."""
    for file in sorted(folder.glob("Ses*.txt")):
        for line in file.read_text("utf-8", errors="replace").splitlines():
            if match := pattern.match(line):
                yield match
