"""VoxCeleb 1 and 2: interviews of celebrities, cut from videos.

Layout: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/ (each version's page):
``dev`` or ``test``, then ``wav/idNNNNN/VIDEO/NNNNN.wav`` (VoxCeleb1) or ``aac/idNNNNN/VIDEO/NNNNN.m4a``
(VoxCeleb2); ``vox1_meta.csv`` and ``vox2_meta.csv`` beside them give the gender.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from edgy_tf.corpora.base import Corpus, Gender, Split, Utterance

LAYOUT = "VoxCeleb (dev or test with wav/idNNNNN/VIDEO/*.wav or aac/idNNNNN/VIDEO/*.m4a)"
_SPLITS: dict[str, Split] = {"dev": "train", "test": "test"}
_GENDERS: dict[str, Gender] = {"f": "F", "m": "M"}


def recognises(folder: Path) -> bool:
    """Whether the folder has the speakers of VoxCeleb's ``dev`` or ``test``."""
    return next(_speakers(folder), None) is not None


def read(folder: Path) -> Corpus:
    """List the utterances; dev becomes train and test stays test.

    ``.m4a`` files are listed as they are: where libsndfile cannot read AAC, loading reports each as skipped.
    """
    genders = _genders(folder)
    return Corpus(
        [
            Utterance(
                path=path,
                speaker=speaker.name,
                # The identities of VoxCeleb1 start at id10001; those of VoxCeleb2 end before it.
                source="voxceleb1" if speaker.name >= "id10001" else "voxceleb2",
                split=split,
                gender=genders.get(speaker.name),
                licence="CC BY 4.0",
            )
            for speaker, split in _speakers(folder)
            for path in sorted(speaker.glob("*/*"))
            if path.suffix in (".wav", ".m4a")
        ]
    )


def _speakers(folder: Path) -> Iterator[tuple[Path, Split]]:
    for part, split in _SPLITS.items():
        for kind in ("wav", "aac"):
            for speaker in sorted((folder / part / kind).glob("id" + "[0-9]" * 5)):
                yield speaker, split


def _genders(folder: Path) -> dict[str, Gender]:
    """VoxCeleb1's table is separated by tabs, VoxCeleb2's by commas after a space; both start with the id."""
    genders = {}
    for file in folder.glob("vox[12]_meta.csv"):
        lines = file.read_text("utf-8", errors="replace").splitlines()
        for cells in (re.split(r"\s*[,\t]\s*", line) for line in lines):
            if len(cells) > 2 and cells[2] in _GENDERS:
                genders[cells[0]] = _GENDERS[cells[2]]
    return genders
