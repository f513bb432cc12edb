"""RAVDESS: 24 actors say two sentences in eight emotions.

Layout: https://zenodo.org/records/1188976 (section "File naming convention"): ``Actor_NN/`` holds
``MODALITY-CHANNEL-EMOTION-INTENSITY-STATEMENT-REPETITION-ACTOR.wav``, such as ``03-01-06-01-02-01-12.wav``.
Recording levels differ by 40 dB with the emotion: normalise each clip before judging emotion from it.
"""

import re
from pathlib import Path

from edgy_tf.corpora.base import Corpus, Utterance

LAYOUT = "RAVDESS (Actor_NN/03-01-06-01-02-01-12.wav)"
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")
_NAME = re.compile(
    r"(?P<modality>0[1-3])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>[0-9]{2})"
)


def recognises(folder: Path) -> bool:
    """Whether the folder has actors."""
    return next(folder.glob("Actor_[0-9][0-9]"), None) is not None


def read(folder: Path) -> Corpus:
    """List the spoken, audio-only clips, all in the ``eval`` split; others are skipped with the reason."""
    corpus = Corpus([])
    for path in sorted(folder.glob("Actor_[0-9][0-9]/*.wav")):
        name = _NAME.fullmatch(path.stem)
        if name is None:
            corpus.skipped.append((path, "has no RAVDESS name; expected seven numbers like 03-01-06-01-02-01-12"))
        elif name["modality"] != "03":
            corpus.skipped.append((path, "is the sound of a video, of which the audio-only clip is the same"))
        elif name["channel"] != "01":
            corpus.skipped.append((path, "is song, not speech"))
        else:
            corpus.utterances.append(_utterance(path, name))
    return corpus


def _utterance(path: Path, name: re.Match[str]) -> Utterance:
    return Utterance(
        path=path,
        speaker=f"rav{name['actor']}",
        source="ravdess",
        split="eval",
        gender="M" if int(name["actor"]) % 2 else "F",
        emotion=_EMOTIONS[int(name["emotion"]) - 1],
        transcript=_STATEMENTS[int(name["statement"]) - 1],
        language="en",
        licence="CC BY-NC-SA 4.0",
    )
