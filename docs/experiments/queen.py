"""The dialogue of a game as a corpus folder: Flight of the Amazon Queen, freeware, 4.6 hours of acted English.

    apt-get download flight-of-the-amazon-queen
    dpkg-deb -x flight-of-the-amazon-queen_*.deb queen
    python docs/experiments/queen.py queen/usr/share/scummvm/flight-of-the-amazon-queen/queen.1c CORPUS

Needs the extra `train`. Who speaks is known by the dialogue alone; what is said, not at all.
"""

from __future__ import annotations

import csv
import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import soundfile
from tqdm import tqdm

SHORTEST, LONGEST = 0.8, 17.0
"""Seconds of a clip that is kept."""


def clips(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and MP3 of each clip of the game's resource file (ScummVM's ``queen.1c``)."""
    if archive[:9] != b"QTBLCEM10":
        sys.exit("this is not queen.1c of the English talkie of Flight of the Amazon Queen")
    (count,) = struct.unpack(">H", archive[13:15])
    for name, _, begin, size in struct.iter_unpack(">12sBII", archive[15 : 15 + 21 * count]):
        if name.rstrip(b"\0").endswith(b".SB"):
            yield name.rstrip(b"\0").decode().removesuffix(".SB"), archive[begin : begin + size]


def speaker(name: str) -> str:
    """``joe``, the hero, or the dialogue: its first two characters; ``'020001P2'`` is its partner's."""
    return "queen-joe" if name.startswith("JO") or name[6] == "J" else f"queen-{name[:2].lower()}"


def main(source: Path, target: Path) -> None:
    """Write every clip of speech as ``.wav``, and ``manifest.tsv``."""
    target.mkdir(parents=True)
    with (target / "manifest.tsv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["path", "speaker", "split", "source", "language", "licence"])
        for name, mp3 in tqdm(list(clips(source.read_bytes())), unit="clip"):
            sound, rate = soundfile.read(io.BytesIO(mp3), dtype="int16")
            if SHORTEST <= len(sound) / rate <= LONGEST:
                soundfile.write(target / f"{name}.wav", sound, rate)
                table.writerow([f"{name}.wav", speaker(name), "train", "queen", "en", "freeware"])


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
