"""Speech at one level as it comes, and silence between.

How loud somebody speaks, how far that stands out of a room's noise, and that noise are nothing that words need. What it
brought to leave them out: docs/experiments.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgy_tf.preset import Preset

Floats = npt.NDArray[np.float32]

TARGET, START = -20.0, -30.0
"""Level that the loudest twentieth of the frames is brought to, and what it is taken for at first, in dBFS."""

UP, DOWN = 1.0, 0.05
"""Decibels a frame by which the estimate rises at most, and falls while somebody speaks: twenty times as fast up as
down, it comes to rest where one frame in twenty is louder."""

QUIET, RISE, CLEAR = -70.0, 0.03, 10.0
"""Least level of a room's noise, in dBFS; decibels a frame by which it is taken to rise until a softer frame comes; and
decibels above it from which a frame is speech."""

BELOW = 40.0
"""Decibels under the estimate of speech from which a frame is silenced."""

HOLD = 10
"""Frames after one that was not silent that are not silenced either (100 ms)."""

LEAST = 1e-10
"""Power of what is silent altogether."""


class Leveller:
    """Brings streams of audio to one level and silences their pauses.

    What is done to a frame follows from those before it, so nothing waits; and each sample's gain
    from its place alone, so that any chunking gives the same samples, bit for bit.

    Example:
        >>> leveller = Leveller(preset.front_end.hop)
        >>> quiet = [leveller.process(chunk) for chunk in chunks]

    Args:
        hop: samples of a frame.
        streams: of audio of one length, side by side; by default there is one, without an axis.
    """

    def __init__(self, hop: int, streams: tuple[int, ...] = ()) -> None:
        self._shape = streams
        self._hop = hop
        self._ramp = np.arange(self._hop) / self._hop
        self.reset()

    def reset(self) -> None:
        """Forget the streams and start others."""
        self._level = np.full(self._shape, START)
        self._noise = np.zeros(self._shape)
        self._left = np.full(self._shape, HOLD)
        self._last = self._gain()
        self._gains = self._next()
        self._frame = np.zeros((*self._shape, self._hop), np.float32)
        self._filled = 0

    def process(self, audio: npt.ArrayLike) -> Floats:
        """Take ``audio [*streams, n]`` in [-1, 1], any n, and return as many samples."""
        x = np.asarray(audio, np.float32)
        out = np.empty_like(x)
        done = 0
        while done < x.shape[-1]:
            end = min(self._hop, self._filled + x.shape[-1] - done)
            here = slice(self._filled, end)
            there = slice(done, done + end - self._filled)
            self._frame[..., here] = x[..., there]
            out[..., there] = np.clip(x[..., there] * self._gains[..., here], -1, 1)
            done, self._filled = there.stop, end
            if end == self._hop:
                self._turn()
        return out

    def _turn(self) -> None:
        """Learn from a whole frame what is done to the next."""
        power = np.mean(np.square(self._frame, dtype=np.float64), axis=-1)
        level = np.maximum(10 * np.log10(power + LEAST), QUIET)
        self._noise = np.minimum(level, self._noise + RISE)
        above = level - self._level
        fall = np.where(level > self._noise + CLEAR, DOWN, 0.0)
        self._level = self._level + np.where(above > 0, np.minimum(above, UP), -fall)
        self._left = np.where(above > -BELOW, HOLD, self._left - 1)
        self._gains = self._next()
        self._filled = 0

    def _next(self) -> Floats:
        """Gains of a frame: from the last one's on to what the level asks for now, or nothing in a pause."""
        gain = self._gain()
        ramp = self._last[..., None] + (gain - self._last)[..., None] * self._ramp
        self._last = gain
        return (ramp * (self._left > 0)[..., None]).astype(np.float32)

    def _gain(self) -> npt.NDArray[np.float64]:
        return 10 ** ((TARGET - self._level) / 20)


def as_heard(audio: npt.ArrayLike, preset: Preset) -> Floats:
    """Whole recordings ``audio [..., n]`` in [-1, 1] as the preset's encoder hears them: at one level, or unchanged."""
    x = np.asarray(audio, np.float32)
    return Leveller(preset.front_end.hop, x.shape[:-1]).process(x) if preset.encoder.levelled else x
