"""What happens to speech between the microphone and the cloud, behind one interface, and a cache of what came of it.

What is random about a system (a coefficient, a voice) is drawn anew for each utterance, from a seed and the SHA-256 of
its source, speaker, file name and samples: the same on every machine and in any order, wherever the corpus lies.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf import __version__
from edgy_tf.corpora import Corpus, Utterance, load, to_float32, to_pcm16
from edgy_tf.weights import atomic_file

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]
Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Processed:
    """One utterance after a system.

    Attributes:
        audio: what is heard in the cloud, float32 ``[n]`` in [-1, 1] at 16 kHz, as long as the utterance; None from a
            system that stops at the codes.
        codes: what was sent, int32 ``[m]``; None from a system without codes.
        bits: that left the device for this utterance.
    """

    audio: Floats | None
    codes: Codes | None
    bits: int


class System(Protocol):
    """What may happen to speech between the microphone and the cloud.

    Attributes:
        name: what `open_systems` opens it by.
        settings: all that its results depend on besides the utterance; it tells cached results apart.
    """

    name: str
    settings: str

    @property
    def words(self) -> Callable[[Codes], Floats] | None:
        """Codes ``[n]`` to features ``[T, 80]`` that a recogniser can read without any sound.

        As `edgy_tf.decode.Decoder.words`; None where a system has no such way.
        """

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """Process an utterance's samples ``[n]`` at 16 kHz; equal calls give equal results, but for Codec 2."""


class Wordless:
    """A system without a way from codes to words."""

    words: Callable[[Codes], Floats] | None = None


def process_corpus(system: System, corpus: Corpus, cache: Path) -> Generator[tuple[Utterance, Processed]]:
    """Process every utterance, or take what the cache has of it; stop at any time and go on later.

    Sound is rounded to 16 bits, as it would be in a file. A file that cannot be read is left out and recorded in
    ``corpus.skipped``, as ``corpora.load`` does. Begin a new cache after the code of a system changed: the cache goes
    by settings, files of the release, content and the version of this package.

    Args:
        system: what to run.
        corpus: what to run it on, in its order.
        cache: folder for the results, one file for each utterance; it is made if missing and may be shared.

    Raises:
        ModelError: the cache cannot be written to.
    """
    folder = cache / system.name
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(desc=system.name, total=len(corpus.utterances), unit="utterance") as bar:
        for utterance, pcm in load(corpus, lambda done, _: bar.update(done - bar.n)):
            about = json.dumps([__version__, system.name, system.settings])
            path = folder / f"{hashlib.sha256(about.encode() + _digest(utterance, pcm)).hexdigest()}.npz"
            if (processed := _read(path)) is None:
                _write(path, system.process(utterance, pcm))
                processed = _read(path)
            assert processed is not None
            yield utterance, processed


def _digest(utterance: Utterance, pcm: Pcm) -> bytes:
    """What tells an utterance from all others; not its folder, or a corpus that moved would get other voices."""
    about = json.dumps([utterance.source, utterance.speaker, utterance.path.name])
    return hashlib.sha256(about.encode() + pcm.tobytes()).digest()


def seed_of(seed: int, utterance: Utterance, pcm: Pcm) -> int:
    """The seed of what is drawn for an utterance; another ``seed`` gives another."""
    return int.from_bytes(hashlib.sha256(f"{seed}:".encode() + _digest(utterance, pcm)).digest()[:4])


def _read(path: Path) -> Processed | None:
    """A cached result; None if there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            audio = to_float32(archive["audio"]) if "audio" in archive else None
            return Processed(audio, archive.get("codes"), int(archive["bits"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, processed: Processed) -> None:
    arrays = {"bits": np.array(processed.bits)}
    if processed.audio is not None:
        arrays["audio"] = to_pcm16(processed.audio)
    if processed.codes is not None:
        arrays["codes"] = processed.codes
    with atomic_file(path) as file:
        np.savez(file, **arrays)


def fit(speech: Floats, samples: int) -> Floats:
    """Speech cut, or filled up with silence, to ``samples``, and clipped to [-1, 1]."""
    return np.clip(np.pad(speech[:samples], (0, max(0, samples - len(speech)))), -1, 1)
