"""A corpus prepared once for training: samples and log-mel of every utterance in memory-mapped files."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import Corpus, load, to_float32
from edgy_tf.errors import CorpusError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import FrontEnd


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
    """

    pcm: npt.NDArray[np.int16]
    mel: npt.NDArray[np.float16]
    samples: npt.NDArray[np.int64]
    frames: npt.NDArray[np.int64]
    speaker: npt.NDArray[np.int64]
    speakers: list[str]

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
    listing = [[str(u.path), u.speaker] for u in corpus.utterances]
    key = hashlib.sha256(json.dumps([listing, asdict(front_end)]).encode()).hexdigest()[:16]
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
    )


def _write(corpus: Corpus, front_end: FrontEnd, target: Path, label: str) -> None:
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    samples, frames, speaker = [0], [0], []
    names = sorted({u.speaker for u in corpus.utterances})
    with (
        (part / "pcm").open("wb") as pcm_file,
        (part / "mel").open("wb") as mel_file,
        tqdm(total=len(corpus.utterances), desc=f"prepare {label}", unit="file") as bar,
    ):
        for utterance, pcm in load(corpus, lambda done, _: bar.update(done - bar.n)):
            mel = log_mel(to_float32(pcm), front_end)
            pcm_file.write(pcm.tobytes())
            mel_file.write(mel.astype(np.float16).tobytes())
            samples.append(samples[-1] + len(pcm))
            frames.append(frames[-1] + len(mel))
            speaker.append(names.index(utterance.speaker))
    if not speaker:
        first, *others = corpus.skipped_report().splitlines() or ["the split is empty"]
        more = f", and {len(others)} more" if others else ""
        raise CorpusError(f"no speech could be read for '{label}': {first}{more}")
    index = {
        "samples": samples,
        "frames": frames,
        "speaker": speaker,
        "speakers": names,
        "skipped": [(str(path), reason) for path, reason in corpus.skipped],
    }
    (part / "index.json").write_text(json.dumps(index))
    part.rename(target)
