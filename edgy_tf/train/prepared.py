"""A corpus prepared once for training: samples and log-mel of every utterance in memory-mapped files."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import Corpus, Utterance, load, to_float32, to_pcm16
from edgy_tf.corpora.base import GENDERS
from edgy_tf.errors import CorpusError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import FrontEnd

LEVEL = 0.05
"""Root mean square of a prepared utterance (-26 dB of full scale): how loud someone speaks is not for the decoder."""

FOLDER = "prepared"
"""Of what is prepared, in the folder of a run that shares it with no other."""

UNIT = 2
"""Frames of a unit (see `edgy_tf.train.units`)."""

PIECE = 64
"""Utterances that a process hears at a time."""


@dataclass(frozen=True)
class Prepared:
    """Utterances end to end.

    Attributes:
        pcm: int16 samples ``[sum of samples]``.
        mel: float16 features ``[sum of frames, mels]``.
        samples: samples before each utterance and after the last, ``[U + 1]``.
        frames: the same in frames.
        speaker: index of each utterance's speaker, ``[U]``.
        speakers: their names.
        gender: of each utterance, 0 unknown (children too), 1 F, 2 M, int32 ``[U]``.
        transcripts: what the corpus says of each utterance, if it does.
        codes: of all utterances, once an encoder is frozen, int32 ``[sum of codes]``.
        units: of all utterances, one for two frames, int32 ``[sum of frames // 2]``; see `edgy_tf.train.units`.
        prosody: levels of each utterance, 1 to 4 and 0 unknown, int32 ``[U, 4]``; see `edgy_tf.train.prosody`.
        speaks: of all codes, 0 in pauses and 1 elsewhere, int8 ``[sum of codes]``; see `edgy_tf.train.pauses`.
        texts: a recogniser's tokens of each utterance; see `edgy_tf.train.dictation`.
    """

    pcm: npt.NDArray[np.int16]
    mel: npt.NDArray[np.float16]
    samples: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    speaker: npt.NDArray[np.int64]
    speakers: list[str]
    gender: npt.NDArray[np.int32]
    transcripts: list[str | None]
    codes: npt.NDArray[np.int32] | None = None
    units: npt.NDArray[np.int32] | None = None
    prosody: npt.NDArray[np.int32] | None = None
    speaks: npt.NDArray[np.int8] | None = None
    texts: list[list[int]] | None = None

    def code_bounds(self, stride: int) -> npt.NDArray[np.int64]:
        """Codes of ``stride`` frames before each utterance and after the last, ``[U + 1]``."""
        return np.concatenate([[0], np.cumsum(np.diff(self.frames) // stride)])

    @property
    def fingerprint(self) -> bytes:
        """Bytes that differ where the speech does, for files that are kept about it."""
        return self.frames.tobytes() + self.pcm[::997].tobytes()

    @property
    def hours(self) -> float:
        """Hours of speech, at 16 kHz."""
        return len(self.pcm) / 16000 / 3600


def prepare(corpus: Corpus, front_end: FrontEnd, folder: Path, label: str) -> Prepared:
    """Read a corpus, or what an earlier call left in ``folder`` for the same utterances and front end.

    Either way ``corpus.skipped`` names the files that could not be read.

    Raises:
        CorpusError: no utterance could be read.
    """
    listing = [[str(u.path), u.speaker, u.gender, u.age, u.transcript] for u in corpus.utterances]
    key = hashlib.sha256(json.dumps([listing, asdict(front_end), LEVEL]).encode()).hexdigest()[:16]
    target = folder / f"{label}-{key}"
    if not (target / "index.json").exists():
        _write(corpus, front_end, target, label)
    index = json.loads((target / "index.json").read_text())
    known = [(Path(path), reason) for path, reason in index["skipped"]]
    corpus.skipped.extend(entry for entry in known if entry not in corpus.skipped)
    return Prepared(
        pcm=np.memmap(target / "pcm", np.int16, "r"),
        mel=np.memmap(target / "mel", np.float16, "r").reshape(-1, front_end.mels),
        samples=np.asarray(index["samples"]),
        frames=np.asarray(index["frames"]),
        speaker=np.asarray(index["speaker"]),
        speakers=index["speakers"],
        gender=np.asarray(index["gender"], np.int32),
        transcripts=index["transcripts"],
    )


def _write(corpus: Corpus, front_end: FrontEnd, target: Path, label: str) -> None:
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    samples, frames = [0], [0]
    speaker: list[int] = []
    gender: list[int] = []
    transcripts: list[str | None] = []
    names = sorted({u.speaker for u in corpus.utterances})
    with (part / "pcm").open("wb") as pcm_file, (part / "mel").open("wb") as mel_file:
        for utterance, pcm, mel in _heard(corpus, front_end, label):
            pcm_file.write(pcm.tobytes())
            mel_file.write(mel.tobytes())
            samples.append(samples[-1] + len(pcm))
            frames.append(frames[-1] + len(mel))
            speaker.append(names.index(utterance.speaker))
            gender.append(GENDERS.index(utterance.gender) + 1 if utterance.gender and utterance.adult else 0)
            transcripts.append(utterance.transcript)
    if not speaker:
        raise CorpusError(f"{label}: {corpus.nothing_read()}")
    index = {
        "samples": samples,
        "frames": frames,
        "speaker": speaker,
        "speakers": names,
        "gender": gender,
        "transcripts": transcripts,
        "skipped": [(str(path), reason) for path, reason in corpus.skipped],
    }
    (part / "index.json").write_text(json.dumps(index))
    part.rename(target)


def at_level(pcm: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """``pcm [samples]`` at ``LEVEL``, or as near to it as its peaks allow."""
    x = to_float32(pcm)
    peak, rms = float(np.abs(x).max(initial=0)), float(np.sqrt(np.mean(np.square(x)))) if len(x) else 0.0
    return to_pcm16(x * min(LEVEL / max(rms, 1e-4), 0.99 / max(peak, 1e-4)))


def _heard(corpus: Corpus, front_end: FrontEnd, label: str) -> Iterator[tuple[Utterance, npt.NDArray, npt.NDArray]]:
    """Every utterance with its samples and features; all cores hear a large corpus, in the order of the corpus."""
    listen = functools.partial(_listen, corpus.skipped, front_end)
    pieces = [corpus.utterances[i : i + PIECE] for i in range(0, len(corpus.utterances), PIECE)]
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(tqdm(total=len(corpus.utterances), desc=f"prepare {label}", unit="file"))
        run: Callable[..., Iterable] = map
        if len(pieces) > 1:
            # Spawned, because a process that holds a GPU or TensorFlow's threads must not be forked.
            run = stack.enter_context(ProcessPoolExecutor(mp_context=get_context("spawn"))).map
        for piece, (heard, skipped) in zip(pieces, run(listen, pieces), strict=True):
            corpus.skipped.extend(entry for entry in skipped if entry not in corpus.skipped)
            yield from heard
            bar.update(len(piece))


def _listen(
    skipped: list[tuple[Path, str]], front_end: FrontEnd, utterances: list[Utterance]
) -> tuple[list[tuple[Utterance, npt.NDArray, npt.NDArray]], list[tuple[Path, str]]]:
    part = Corpus(utterances, list(skipped))
    levelled = ((utterance, at_level(pcm)) for utterance, pcm in load(part))
    heard = [(u, pcm, log_mel(to_float32(pcm), front_end).astype(np.float16)) for u, pcm in levelled]
    return heard, part.skipped
