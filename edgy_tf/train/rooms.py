"""Speech as it sounds in rooms that are not there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

SHORTEST = 0.1
"""Seconds in which the most muffled room falls silent."""
NEAR_DB, FAR_DB = 20.0, 0.0
"""By how much the sound that comes straight is louder than all that the walls give back: at the lips, and across the
room."""

Floats = npt.NDArray[np.float32]


def in_rooms(sound: Floats, longest: float, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Half of the ``sound [B, samples]``, each in a room of its own, as loud as before and no later.

    The walls give back noise that decays (Polack 1988, "La transmission de l'energie sonore dans les salles").

    Args:
        sound: speech.
        longest: seconds in which what the most lively room gives back falls by 60 dB, at least `SHORTEST`.
        sample_rate: in Hz.
        rng: draws the rooms.
    """
    size = len(sound)
    inside = rng.random(size) < 0.5
    decay = rng.uniform(SHORTEST, longest, (size, 1))
    straight = 10 ** (rng.uniform(FAR_DB, NEAR_DB, (size, 1)) / 20)
    time = np.arange(round(longest * sample_rate)) / sample_rate
    walls = rng.standard_normal((size, len(time)), np.float32) * 10 ** (-3 * time / decay)
    walls[:, 0] = straight[:, 0] * np.sqrt(np.sum(np.square(walls[:, 1:]), 1))
    walls /= np.sqrt(np.sum(np.square(walls), 1, keepdims=True))
    walls[~inside] = 0
    walls[~inside, 0] = 1
    return fftconvolve(sound, walls.astype(np.float32), axes=1)[:, : sound.shape[1]].astype(np.float32)
