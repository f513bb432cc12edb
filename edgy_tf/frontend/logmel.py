"""Streaming log-mel in NumPy (paper section 4.1; librosa's ``feature.melspectrogram`` with ``power=1``).

Unlike the paper's published code, nothing here depends on the rest of the utterance: the gain and the dB floor are
fixed, so that any chunking of the same audio gives the same frames, bit for bit. Frame ``t`` is centred on the
middle of samples ``[t * hop, (t + 1) * hop)``; before the first sample and after the last lies silence, whose
feature is 0.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from edgy_tf.frontend.leveller import as_heard
from edgy_tf.preset import FrontEnd, Preset

Floats = npt.NDArray[np.float32]


def mel_filters(front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """Slaney's triangular mel filters of unit area, ``[mels, n_fft // 2 + 1]``; equal to ``librosa.filters.mel``."""
    fe = front_end
    edges = _mel_to_hz(np.linspace(_hz_to_mel(fe.fmin), _hz_to_mel(fe.fmax), fe.mels + 2))
    bins = np.arange(fe.n_fft // 2 + 1) * (fe.sample_rate / fe.n_fft)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def hann(front_end: FrontEnd) -> npt.NDArray[np.float64]:
    """Periodic Hann window, ``[window]``."""
    n = np.arange(front_end.window)
    return 0.5 - 0.5 * np.cos(2 * np.pi * n / front_end.window)


class LogMel:
    """Log-mel frames of a stream of audio.

    A frame is emitted as soon as its last sample has arrived. Values are ``dB / -floor_db + 1``, never below 0.

    Example:
        >>> stream = LogMel(preset.front_end)
        >>> frames = [stream.process(chunk) for chunk in chunks] + [stream.flush()]
    """

    def __init__(self, front_end: FrontEnd) -> None:
        self._fe = front_end
        self._window = hann(front_end)
        self._bins, self._weights, self._starts = _banded(front_end)
        self.reset()

    def reset(self) -> None:
        """Forget the stream and start another."""
        self._previous = np.zeros(1, np.float32)
        self._pending = np.zeros((self._fe.window - self._fe.hop) // 2, np.float32)
        self._samples = 0
        self._frames = 0

    def process(self, audio: npt.ArrayLike) -> Floats:
        """Take ``audio [n]`` in [-1, 1], any n, and return the frames it completes, ``[frames, mels]``."""
        x = np.asarray(audio, np.float32).reshape(-1)
        self._samples += len(x)
        return self._advance(x)

    def flush(self) -> Floats:
        """End the stream: return its last frames, so that there are ``ceil(samples / hop)`` in all, and reset."""
        missing = -(-self._samples // self._fe.hop) - self._frames
        silence = max(0, (missing - 1) * self._fe.hop + self._fe.window - len(self._pending))
        frames = self._advance(np.zeros(silence if missing > 0 else 0, np.float32))[: max(0, missing)]
        self.reset()
        return frames

    def _advance(self, x: Floats) -> Floats:
        fe = self._fe
        shifted = np.concatenate([self._previous, x])
        self._previous = shifted[-1:]
        emphasised = shifted[1:] - np.float32(fe.preemphasis) * shifted[:-1]
        samples = np.concatenate([self._pending, emphasised])
        count = max(0, (len(samples) - fe.window) // fe.hop + 1)
        self._pending = samples[count * fe.hop :]
        self._frames += count
        if count == 0:
            return np.zeros((0, fe.mels), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(samples, fe.window)[:: fe.hop][:count]
        return self._features(frames)

    def _features(self, frames: Floats) -> Floats:
        # float64 and only element-wise or per-row operations: a matrix product would round a frame differently
        # with the number of frames beside it.
        fe = self._fe
        spectrum = np.fft.rfft(frames * self._window, fe.n_fft)
        magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2)
        mel = np.add.reduceat(magnitude[:, self._bins] * self._weights, self._starts, axis=1)
        floor = 10 ** ((fe.floor_db - fe.gain_db) / 20)
        decibels = 20 * np.log10(np.maximum(mel, floor)) + fe.gain_db
        return np.maximum(decibels / -fe.floor_db + 1, 0).astype(np.float32)


def log_mel(audio: npt.ArrayLike, front_end: FrontEnd) -> Floats:
    """Log-mel of a whole recording: ``audio [n]`` in [-1, 1] to ``[ceil(n / hop), mels]``."""
    stream = LogMel(front_end)
    return np.concatenate([stream.process(audio), stream.flush()])


def encoder_input(audio: npt.ArrayLike, preset: Preset) -> Floats:
    """What the encoder hears of a whole recording, with silence before and after it.

    Returns:
        ``[preset.frames_for(n), mels]`` for the ``n = preset.codes_for(samples)`` codes of ``audio [samples]``.
    """
    x = as_heard(audio, preset)
    codes = preset.codes_for(len(x))
    if codes == 0:
        return np.zeros((0, preset.front_end.mels), np.float32)
    before = preset.history * preset.front_end.hop
    after = preset.frames_for(codes) * preset.front_end.hop - before - len(x)
    return log_mel(np.pad(x, (before, after)), preset.front_end)


@functools.lru_cache(maxsize=8)
def _banded(front_end: FrontEnd) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The filters as runs: FFT bins, their weights, and where each filter's run starts."""
    filters = mel_filters(front_end)
    bins: list[npt.NDArray[np.int64]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for row in filters:
        # A filter narrower than a bin has no weight; it keeps one zero so that every filter has a run.
        used = np.flatnonzero(row) if row.any() else np.zeros(1, np.int64)
        bins.append(used)
        weights.append(row[used])
    starts = np.cumsum([0, *(len(run) for run in bins[:-1])])
    return np.concatenate(bins), np.concatenate(weights), starts


def _hz_to_mel(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    f = np.asarray(hz, np.float64)
    return np.where(f < 1000, f * 3 / 200, 15 + np.log(np.maximum(f, 1000) / 1000) * 27 / np.log(6.4))


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
