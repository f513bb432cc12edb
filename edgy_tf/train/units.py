"""Units: clusters of what a recogniser's encoder hears every 20 ms, for the codes to tell (Hsu et al. 2021, HuBERT).

The states are brought to one mean over each utterance first, which takes much of the speaker out of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from edgy_tf.models.whisper import HOP, MELS, WINDOW, WhisperEncoder, whisper_features
from edgy_tf.train.batches import crops
from edgy_tf.train.prepared import UNIT, Prepared
from edgy_tf.weights import Arrays, atomic_file

Floats = npt.NDArray[np.float32]

PIECE, MARGIN, BATCH = 200, 25, 16
"""States that are kept of a window, states around them that are only heard, and windows heard at once."""

WIDTH, LEARNED = 128, 200_000
"""Numbers that are left of a state before it is clustered, and states that clusters are learned from."""


def with_units(
    training: Prepared, validation: Prepared, teacher: Arrays, count: int, folder: Path
) -> tuple[Prepared, Prepared]:
    """Both with their units, 1 to ``count``; the clusters are learned from the first alone.

    Args:
        training: the speech.
        validation: held-out speech.
        teacher: a recogniser's encoder, as ``edgy_tf.train.teacher.load_teacher`` gives it.
        count: of clusters.
        folder: keeps the units, which take minutes for an hour of speech, for the next run.
    """
    key = hashlib.sha256(str(count).encode())
    for data in (training, validation):
        key.update(data.fingerprint)
    path = folder / f"units-{key.hexdigest()[:16]}.npz"
    if not path.exists():
        found = _units(training, validation, teacher, count)
        with atomic_file(path) as file:
            np.savez_compressed(file, training=found[0], validation=found[1])
    with np.load(path, allow_pickle=False) as kept:
        return (
            dataclasses.replace(training, units=kept["training"]),
            dataclasses.replace(validation, units=kept["validation"]),
        )


def _units(training: Prepared, validation: Prepared, teacher: Arrays, count: int) -> list[npt.NDArray[np.int32]]:
    listen = _listener(teacher)
    rng = np.random.default_rng(0)
    windows = _windows(training)
    few = [windows[i] for i in rng.permutation(len(windows))[: 5 * BATCH]]
    sample = np.concatenate([states for _, _, states in _states(training, listen, few, "states for PCA")])
    narrow = make_pipeline(StandardScaler(), PCA(min(WIDTH, *sample.shape), random_state=0)).fit(sample)
    told = [_levelled(data, listen, narrow) for data in (training, validation)]
    learned = rng.permutation(len(told[0]))[:LEARNED]
    clusters = MiniBatchKMeans(count, batch_size=8192, n_init=1, random_state=0).fit(
        told[0][learned].astype(np.float32)
    )
    return [1 + clusters.predict(states.astype(np.float32)).astype(np.int32) for states in told]


def _levelled(data: Prepared, listen: Any, narrow: Any) -> npt.NDArray[np.float16]:
    """States ``[sum of units, D]`` of all utterances, without the mean of each."""
    bounds = data.code_bounds(UNIT)
    out = np.zeros((bounds[-1], narrow[-1].n_components_), np.float32)
    for utterance, first, states in _states(data, listen, _windows(data), "states"):
        out[bounds[utterance] + first :][: len(states)] = narrow.transform(states)
    for begin, end in itertools.pairwise(bounds):
        if begin < end:
            out[begin:end] -= out[begin:end].mean(0)
    return out.astype(np.float16)


def _windows(data: Prepared) -> list[tuple[int, int]]:
    """Utterance and first unit of each window."""
    counts = np.diff(data.code_bounds(UNIT))
    return [(u, first) for u, count in enumerate(counts) for first in range(0, count, PIECE)]


def _states(
    data: Prepared, listen: Any, windows: list[tuple[int, int]], about: str
) -> Iterator[tuple[int, int, Floats]]:
    """Utterance, first unit and states ``[n, width]`` of each window."""
    counts = np.diff(data.code_bounds(UNIT))
    for i in tqdm(range(0, len(windows), BATCH), about, unit="batch"):
        # The last batch is filled up, so that all have one shape and one compilation.
        some = np.array((windows[i : i + BATCH] + windows[:1] * BATCH)[:BATCH])
        begin = (some[:, 1] - MARGIN) * UNIT * HOP - WINDOW // 2
        pcm = crops(data.pcm, data.samples, some[:, 0], begin, _samples(PIECE + 2 * MARGIN))
        heard = listen.predict_on_batch(pcm.astype(np.float32) / 32768)
        for (utterance, first), states in zip(windows[i : i + BATCH], np.asarray(heard), strict=False):
            yield utterance, first, states[MARGIN:][: min(PIECE, counts[utterance] - first)]


def _samples(units: int) -> int:
    return (units * UNIT - 1) * HOP + WINDOW


def _listener(teacher: Arrays) -> keras.Model:
    """Samples ``[B, _samples(PIECE + 2 * MARGIN)]`` to states."""
    encoder = WhisperEncoder(teacher)
    encoder.build((None, None, MELS))
    samples = keras.Input((_samples(PIECE + 2 * MARGIN),))
    return keras.Model(samples, encoder(whisper_features(samples)))
