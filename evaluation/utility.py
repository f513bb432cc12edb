"""Do the words survive? Word error rates of what is heard in the cloud, and of what is read from the codes."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from tqdm import tqdm

from edgy_tf.corpora import Utterance
from edgy_tf.recognisers import LOOP, Recogniser
from edgy_tf.weights import atomic_file
from evaluation.metrics import bootstrap
from evaluation.text import word_errors

Floats = npt.NDArray[np.float32]

Route = Literal["speech", "text"]
"""How codes become words: regenerated speech in a recogniser, or features of the codes in the same recogniser."""


@dataclass(frozen=True)
class Utility:
    """Words of one system on one source.

    Attributes:
        system: what the speech went through.
        path: see `Route`.
        source: of the corpus.
        recogniser: who listened.
        utterances: how many were heard.
        speakers: of how many people.
        wer: word error rate, a fraction.
        low: of its 95 % interval over speakers.
        high: of the same.
    """

    system: str
    path: Route
    source: str
    recogniser: str
    utterances: int
    speakers: int
    wer: float
    low: float
    high: float


def transcripts(
    recogniser: Recogniser,
    heard: Iterable[Floats],
    cache: Path,
    *,
    path: Route = "speech",
    about: str = "",
    total: int | None = None,
) -> list[str]:
    """What a recogniser makes of each utterance, or what it made of the same one before.

    Args:
        recogniser: who listens.
        heard: samples ``[n]`` at 16 kHz, or on the path ``text`` features ``[T, 80]``.
        cache: folder that keeps every text; it is made if missing.
        path: which of the two it is.
        about: for the progress bar.
        total: how many there are, for the same.
    """
    cache.mkdir(parents=True, exist_ok=True)

    def text_of(one: Floats) -> str:
        content = f"{recogniser.name} {path} {LOOP}".encode() + np.ascontiguousarray(one).tobytes()
        file = cache / f"{hashlib.sha256(content).hexdigest()}.json"
        if not file.exists():
            text = recogniser.transcribe(one) if path == "speech" else recogniser.read(one)
            with atomic_file(file) as open_file:
                open_file.write(json.dumps(text).encode())
        return json.loads(file.read_text("utf-8"))

    texts = Parallel(recogniser.at_once, prefer="threads", return_as="generator")(delayed(text_of)(o) for o in heard)
    return list(tqdm(texts, f"recognise {about}", total, unit="utterance"))


def measure_utility(
    system: str, path: Route, recogniser: str, utterances: Sequence[Utterance], texts: Sequence[str], seed: int = 0
) -> Utility:
    """Word error rate of ``texts`` against the utterances' transcripts; all are of one source.

    Raises:
        CorpusError: no words to compare with, or a single speaker, of whom no interval can be drawn.
    """
    speakers = [u.speaker for u in utterances]
    result = word_errors([u.transcript or "" for u in utterances], texts)
    counts: npt.NDArray[Any] = np.array([[one.errors, one.words] for one in result.per_utterance])
    low, high = bootstrap(lambda c: float(c[:, 0].sum() / max(1, c[:, 1].sum())), counts, groups=speakers, seed=seed)
    return Utility(
        system, path, utterances[0].source, recogniser, len(texts), len(set(speakers)), result.wer, low, high
    )


def write_tsv(path: Path, utterances: Sequence[Utterance], texts: dict[str, Sequence[str]]) -> None:
    """Every utterance with what was said and what each system and path left of it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["source", "speaker", "file", "transcript", *texts])
        for i, u in enumerate(utterances):
            heard = [column[i] for column in texts.values()]
            writer.writerow([u.source, u.speaker, u.path.name, u.transcript, *heard])
