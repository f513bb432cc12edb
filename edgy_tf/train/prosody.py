"""How somebody speaks, apart from the words: what emotion changes, for an adversary to tell from the codes.

Corpora of read speech have no labels of emotion. What the Geneva set (Eyben et al. 2016) finds emotion in, a high or a
lively pitch, a wide range of levels, a loud voice's bright spectrum, can be measured in any.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.models.adversary import LEVELS, PROSODY
from edgy_tf.train.prepared import Prepared
from edgy_tf.weights import atomic_file

Floats = npt.NDArray[np.float32]

RATE, HOP, WINDOW = 16000, 320, 1024
"""Of the pitch, in samples."""

LOWEST, HIGHEST = 60.0, 500.0
"""Of the pitch, in Hz."""

VOICED = 0.25
"""Share of an utterance's frames, its loudest, that are taken for voiced."""

SHORTEST = 40
"""Frames of pitch below which an utterance tells nothing (0.8 s)."""

BRIGHT = 1000.0
"""Hz above which a loud voice gains."""


def with_prosody(training: Prepared, validation: Prepared, folder: Path) -> tuple[Prepared, Prepared]:
    """Both with the level of each of `PROSODY`, 1 to `LEVELS`; an equal share of the first has each.

    Args:
        training: the speech.
        validation: held-out speech.
        folder: keeps what was measured for the next run.
    """
    measured = [_kept(data, folder) for data in (training, validation)]
    bounds = np.nanquantile(measured[0], np.arange(1, LEVELS) / LEVELS, axis=0)
    return (
        dataclasses.replace(training, prosody=_levels(measured[0], bounds)),
        dataclasses.replace(validation, prosody=_levels(measured[1], bounds)),
    )


def _levels(measured: Floats, bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    above = 1 + np.sum(measured[None] > bounds[:, None], axis=0)
    return np.where(np.isnan(measured), 0, above).astype(np.int32)


def _kept(data: Prepared, folder: Path) -> Floats:
    path = folder / f"prosody-{hashlib.sha256(data.fingerprint).hexdigest()[:16]}.npy"
    if not path.exists():
        utterances = (data.pcm[a:b] for a, b in itertools.pairwise(data.samples))
        rows = [prosody(pcm) for pcm in tqdm(utterances, "prosody", len(data.samples) - 1, unit="utterance")]
        with atomic_file(path) as file:
            np.save(file, np.array(rows, np.float32))
    return np.load(path, allow_pickle=False)


def prosody(pcm: npt.NDArray[np.int16]) -> Floats:
    """Each of `PROSODY` of an utterance.

    Args:
        pcm: samples ``[n]`` at 16 kHz.

    Returns:
        ``[4]``: median pitch, in octaves, and the distance of its quartiles; the distance of the quartiles of the
        louder half's level, in dB; level above 1 kHz less that below, in dB. NaN of less than 0.8 s, or of silence.
    """
    import librosa

    frames = len(pcm) // HOP
    if frames < SHORTEST or not pcm.any():
        return np.full(len(PROSODY), np.nan, np.float32)
    signal = np.asarray(pcm, np.float32) / 32768
    power = np.abs(librosa.stft(signal, n_fft=WINDOW, hop_length=HOP))[:, :frames] ** 2 + 1e-9
    level = 10 * np.log10(power.sum(0))
    voiced = level >= np.quantile(level, 1 - VOICED)
    found = librosa.yin(
        signal, fmin=LOWEST, fmax=HIGHEST, sr=RATE, frame_length=WINDOW, hop_length=HOP, trough_threshold=0.2
    )
    low, pitch, high = np.quantile(np.log2(found[:frames][voiced]), [0.25, 0.5, 0.75])
    soft, loud = np.quantile(level[level >= np.median(level)], [0.25, 0.75])
    split = int(BRIGHT * WINDOW / RATE)
    bright, dark = (10 * np.log10(part[:, voiced].sum()) for part in (power[split:], power[:split]))
    return np.array([pitch, high - low, loud - soft, bright - dark], np.float32)
