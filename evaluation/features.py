"""What attackers look at: acoustic functionals of speech, and statistics of the transmitted codes."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.errors import MissingDependencyError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import load_preset
from evaluation.cache import cached_row

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]

EGEMAPS = 88
"""Numbers of eGeMAPSv02 for an utterance."""

CEPSTRA = 30
"""Cepstral coefficients; each gives three numbers for an utterance."""

LEVEL = 10 ** (-30 / 20)
"""Root mean square every clip is brought to: low, so that only a crest above 30 dB is clipped."""

SHORTEST = round(0.06 * SAMPLE_RATE)
"""Samples of openSMILE's longest window."""

PACE = 5
"""Numbers at the end of `CodeFeatures`' rows that go with the length and the pace of a sequence."""

RUNS = np.array([1, 2, 3, 4, 5, 7, 10, 15])
"""First length of each class of runs; the last is open."""

_smile: Any = None

# A fixed one: the attacker does not change with the model under attack.
_FRONT_END = load_preset("pi").front_end


def acoustic(clips: Iterable[npt.NDArray[Any]], cache: Path, *, total: int | None = None) -> Floats:
    """Functionals of whole utterances, as attackers on gender and emotion use them.

    The extended Geneva set (eGeMAPSv02, Eyben et al. 2016) by openSMILE, and mean, deviation and deviation of the
    steps of 30 cepstra of our log-mel: the first tells emotions, the second, which hold the length of the vocal
    tract, tell gender. Each clip is brought to one level first, because in some corpora (RAVDESS) the level alone
    tells the emotion.

    Args:
        clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].
        cache: folder that keeps what was computed, by content; it is made if missing.
        total: how many clips there are, for the progress bar.

    Returns:
        ``[clips, 178]``: 88 of eGeMAPS, then 30 means, 30 deviations, 30 of the steps; a clip too short to analyse
        (below 60 ms) is a row of NaN.

    Raises:
        MissingDependencyError: opensmile is not installed.
        AudioError: a clip is not one channel of finite samples.
    """
    if find_spec("opensmile") is None:
        raise MissingDependencyError("acoustic attackers need opensmile; pip install edgy-tf[eval]")
    method = f"eGeMAPSv02 {version('opensmile')}, {CEPSTRA} cepstra of {_FRONT_END}, {LEVEL}"
    with ThreadPoolExecutor(os.cpu_count()) as waiting:
        found = waiting.map(lambda clip: cached_row(cache, method, clip, lambda pcm: _row(pcm, _smiles())), clips)
        rows = list(tqdm(found, "acoustic features", total, unit="clip"))
    return np.array(rows, np.float32).reshape(len(rows), EGEMAPS + 3 * CEPSTRA)


@functools.cache
def _smiles() -> Executor:
    """Processes of openSMILE, which crashes where TensorFlow has been loaded before it; kept, for they start slowly."""
    return ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _open_smile)


def _open_smile() -> None:
    global _smile
    import opensmile

    _smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1)


def _functionals(signal: Floats) -> Floats:
    """Functionals ``[88]`` of a signal at 16 kHz; runs where ``_open_smile`` ran."""
    return _smile.process_signal(signal, SAMPLE_RATE).to_numpy(np.float32)[0]


def _row(pcm: npt.NDArray[np.int16], smile: Executor) -> Floats:
    """The row of a clip, ``[178]``."""
    row = np.full(EGEMAPS + 3 * CEPSTRA, np.nan, np.float32)
    if len(pcm) >= SHORTEST:
        level = np.sqrt(np.mean(np.square(pcm, dtype=np.float64))) or 1.0
        # openSMILE's wrapper casts to int16 without saturation: a full scale of 1.0 would wrap around.
        signal = np.clip(pcm * (LEVEL / level), -0.999, 0.999).astype(np.float32)
        row[:EGEMAPS] = smile.submit(_functionals, signal).result()
        row[EGEMAPS:] = _cepstra(signal)
    return row


def _cepstra(signal: Floats) -> Floats:
    """Mean, deviation and deviation of the steps of the first cepstra, ``[90]``."""
    from scipy.fft import dct

    cepstra = dct(log_mel(signal, _FRONT_END), norm="ortho", axis=1)[:, :CEPSTRA]
    return np.concatenate([cepstra.mean(0), cepstra.std(0), np.diff(cepstra, axis=0).std(0)])


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

    def __init__(self, limit: int = 512) -> None:
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
