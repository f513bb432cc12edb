"""What attackers look at: acoustic functionals of speech, and statistics of the transmitted codes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora.audio import SAMPLE_RATE, to_pcm16
from edgy_tf.errors import MissingDependencyError

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]

FUNCTIONALS = 88
"""Numbers of eGeMAPSv02 for an utterance."""

LEVEL = 10 ** (-30 / 20)
"""Root mean square every clip is brought to: low, so that only a crest above 30 dB is clipped."""

RUNS = np.array([1, 2, 3, 4, 5, 7, 10, 15])
"""First length of each class of runs; the last is open."""


def acoustic(
    clips: Iterable[npt.NDArray[Any]], cache: Path, *, total: int | None = None, label: str = "eGeMAPS"
) -> Floats:
    """Functionals of whole utterances: the extended Geneva set (eGeMAPSv02, Eyben et al. 2016), by openSMILE.

    Each clip is brought to one level first, because in some corpora (RAVDESS) the level alone tells the emotion.

    Args:
        clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].
        cache: folder that keeps what was computed, by content; it is made if missing.
        total: how many clips there are, for the progress bar.
        label: of the progress bar.

    Returns:
        ``[clips, 88]``; a clip too short to analyse (below 60 ms) is a row of NaN.

    Raises:
        MissingDependencyError: opensmile is not installed.
        AudioError: a clip is not one channel of finite samples.
    """
    try:
        import opensmile
    except ImportError as error:
        raise MissingDependencyError("acoustic attackers need opensmile; pip install edgy-tf[eval]") from error
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1)
    method = f"eGeMAPSv02 {opensmile.__version__} {LEVEL}".encode()
    cache.mkdir(parents=True, exist_ok=True)
    rows = np.empty((0, FUNCTIONALS), np.float32)
    return np.stack([*rows, *(_cached(smile, clip, cache, method) for clip in tqdm(clips, label, total, unit="clip"))])


def _cached(smile: Any, clip: npt.NDArray[Any], cache: Path, method: bytes) -> Floats:
    """The functionals of a clip, ``[88]``, from the cache or computed into it."""
    pcm = to_pcm16(clip)
    path = cache / f"{hashlib.sha256(method + pcm.tobytes()).hexdigest()}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    level = np.sqrt(np.mean(np.square(pcm, dtype=np.float64))) if pcm.any() else 1.0
    # openSMILE's wrapper casts to int16 without saturation, so a full scale of 1.0 would wrap around.
    signal = np.clip(pcm * (LEVEL / level), -0.999, 0.999).astype(np.float32)
    row = np.full(FUNCTIONALS, np.nan, np.float32)
    if len(signal) >= 0.06 * SAMPLE_RATE:  # One window of openSMILE's longest.
        row = smile.process_signal(signal, SAMPLE_RATE).to_numpy(np.float32)[0]
    temporary = path.with_name(f".{secrets.token_hex(8)}.npy")
    np.save(temporary, row)
    temporary.replace(path)
    return row


class CodeFeatures:
    """Statistics of code sequences: how often each code and each pair of codes comes, their runs and their pace.

    Codes and pairs are those of the sequences it was fitted on, the most widespread first: what only the test
    part holds cannot reach the features. Relative frequencies are square-rooted, which evens out the variance of
    rare and common ones.

    Example:
        >>> features = CodeFeatures().fit(train)
        >>> train_x, test_x = features.transform(train), features.transform(test)

    Attributes:
        limit: at most this many codes, and as many pairs.
    """

    def __init__(self, limit: int = 1024) -> None:
        self.limit = limit
        self._vocabularies: list[npt.NDArray[np.int64]] = []

    def fit(self, sequences: Sequence[Codes]) -> CodeFeatures:
        """Take the codes and pairs of ``sequences``, ``[n]`` each, as the vocabulary; returns itself."""
        self._vocabularies = []
        for grams in (_codes, _pairs):
            # Each sequence counts once, so that no long recording takes the vocabulary for itself.
            found, spread = np.unique(np.concatenate([np.unique(grams(s)) for s in sequences]), return_counts=True)
            self._vocabularies.append(np.sort(found[np.argsort(-spread, kind="stable")[: self.limit]]))
        return self

    def transform(self, sequences: Sequence[Codes]) -> Floats:
        """Sequences ``[n]`` of any lengths to ``[sequences, features]``, all finite, even for an empty one.

        A row holds the square-rooted frequencies of the codes, of the pairs and of the classes of run lengths,
        then the logarithm of the number of codes, the share of steps at which the code changes, mean and largest
        run, and distinct codes per code.
        """
        return np.stack([self._row(np.asarray(sequence)) for sequence in sequences])

    def _row(self, codes: Codes) -> Floats:
        runs = _runs(codes)
        counts = [_count(v, grams(codes)) for v, grams in zip(self._vocabularies, (_codes, _pairs), strict=True)]
        histogram = np.bincount(np.searchsorted(RUNS, runs, side="right") - 1, minlength=len(RUNS))
        length = max(1, len(codes))
        pace = [
            np.log1p(len(codes)),
            len(runs) / length,
            runs.mean() if len(runs) else 0,
            runs.max(initial=0),
            len(np.unique(codes)) / length,
        ]
        shares = [np.sqrt(part / length) for part in (*counts, histogram)]
        return np.concatenate([*shares, pace]).astype(np.float32)


def _codes(codes: Codes) -> npt.NDArray[np.int64]:
    return codes.astype(np.int64)


def _pairs(codes: Codes) -> npt.NDArray[np.int64]:
    """Each code with its successor as one number, ``[n - 1]``."""
    return (codes[:-1].astype(np.int64) << 32) | codes[1:]


def _runs(codes: Codes) -> npt.NDArray[np.int64]:
    """Lengths of the stretches of equal codes, in order."""
    if not len(codes):
        return np.zeros(0, np.int64)
    edges = np.flatnonzero(np.diff(codes)) + 1
    return np.diff(np.concatenate([[0], edges, [len(codes)]]))


def _count(vocabulary: npt.NDArray[np.int64], grams: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each entry of a sorted vocabulary is among ``grams``; others are left out."""
    if not len(vocabulary):
        return np.zeros(0, np.int64)
    places = np.minimum(np.searchsorted(vocabulary, grams), len(vocabulary) - 1)
    return np.bincount(places[vocabulary[places] == grams], minlength=len(vocabulary))
