"""LibriSpeech: read English audiobooks.

Layout: https://www.openslr.org/12 (``README.TXT`` inside the archives):
``SUBSET/READER/CHAPTER/READER-CHAPTER-NNNN.flac`` beside ``READER-CHAPTER.trans.txt``, and
``SPEAKERS.TXT`` at the top.
"""

from collections.abc import Iterator
from pathlib import Path

from edgy_tf.corpora.base import Corpus, Gender, Split, Utterance

LAYOUT = "LibriSpeech (train-*, dev-* or test-* with READER/CHAPTER/*.flac)"
_SPLITS: dict[str, Split] = {"train": "train", "dev": "valid", "test": "test"}
_CHAPTER = "[0-9]*/[0-9]*"


def recognises(folder: Path) -> bool:
    """Whether the folder, or ``LibriSpeech`` in it, has a subset with readers and chapters."""
    return any(next(subset.glob(_CHAPTER), None) for subset, _ in _subsets(_root(folder)))


def read(folder: Path) -> Corpus:
    """List the utterances; ``train-*``, ``dev-*`` and ``test-*`` become train, valid and test."""
    root = _root(folder)
    genders = _genders(root / "SPEAKERS.TXT")
    utterances = []
    for subset, split in _subsets(root):
        for chapter in sorted(subset.glob(_CHAPTER)):
            reader = chapter.parent.name
            transcripts = _transcripts(chapter)
            utterances += [
                Utterance(
                    path=path,
                    speaker=f"ls{reader}",
                    source="librispeech",
                    split=split,
                    gender=genders.get(reader),
                    transcript=transcripts.get(path.stem),
                    language="en",
                    licence="CC BY 4.0",
                )
                for path in sorted(chapter.glob("*.flac"))
            ]
    return Corpus(utterances)


def _root(folder: Path) -> Path:
    """The archives unpack into a folder of their own; either may be named."""
    return folder / "LibriSpeech" if (folder / "LibriSpeech").is_dir() else folder


def _subsets(root: Path) -> Iterator[tuple[Path, Split]]:
    for prefix, split in _SPLITS.items():
        for subset in sorted(root.glob(f"{prefix}-*")):
            yield subset, split


def _genders(file: Path) -> dict[str, Gender]:
    """``ID | SEX | SUBSET | MINUTES | NAME`` after comment lines that start with a semicolon."""
    genders: dict[str, Gender] = {}
    if file.is_file():
        for line in file.read_text("utf-8", errors="replace").splitlines():
            match [field.strip() for field in line.split("|")]:
                case [reader, "F" | "M" as gender, *_]:
                    genders[reader] = gender
    return genders


def _transcripts(chapter: Path) -> dict[str, str]:
    transcripts = {}
    for file in chapter.glob("*.trans.txt"):
        for line in file.read_text("utf-8", errors="replace").splitlines():
            name, _, words = line.partition(" ")
            transcripts[name] = words.strip()
    return transcripts
