"""The demonstration: the recording that ships, whose it is, and the page that shows what became of it.

This module needs the standard library alone; the page needs NumPy, its figures matplotlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Recording:
    """One utterance, and others of the same speaker.

    Attributes:
        audio: the utterance that is encoded and decoded.
        enrolment: recordings from which the speaker's own voice is enrolled.
        gender: ``F``, ``M``, or None if unknown.
        transcript: what is said in ``audio``, if known.
        credit: whose work the recordings are; empty for a person's own.
        licence: its name; empty for a person's own.
        licence_url: its text.
    """

    audio: Path
    enrolment: tuple[Path, ...]
    gender: str | None = None
    transcript: str = ""
    credit: str = ""
    licence: str = ""
    licence_url: str = ""


SHIPPED = Recording(
    audio=FOLDER / "recording.flac",
    enrolment=(FOLDER / "enrolment.flac",),
    gender="F",
    transcript="I've tried it and liked it, and maybe this is the consequence of that night's fun.",
    credit=(
        "LibriSpeech, subset test-other, reader 3331, utterances 3331-159605-0002 (recording) and "
        "3331-159605-0000 (enrolment). V. Panayotov, G. Chen, D. Povey and S. Khudanpur, “LibriSpeech: an "
        "ASR corpus based on public domain audio books”, ICASSP 2015."
    ),
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
)
"""What ``edgy demo`` shows without ``--audio``; ``ATTRIBUTION.md`` says more."""
