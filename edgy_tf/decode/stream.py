"""Speech by the WaveRNN while its codes are still coming: one row that goes on, without seams."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.signal

from edgy_tf.decode.batch import Row
from edgy_tf.decode.sampler import WaveSampler
from edgy_tf.decode.voice import Voice
from edgy_tf.preset import FrontEnd

if TYPE_CHECKING:
    from edgy_tf.decode.decoder import Decoder

Floats = npt.NDArray[np.float32]


class Deemphasis:
    """From the WaveRNN's pre-emphasised samples to sound.

    What lies below what the encoder hears is taken away: there, de-emphasis would amplify quantisation noise 30 times.
    """

    def __init__(self, front_end: FrontEnd) -> None:
        fe = front_end
        high_pass = scipy.signal.butter(2, max(fe.fmin, 20.0), "highpass", fs=fe.sample_rate, output="sos")
        self._sections = np.concatenate([[[1, 0, 0, 1, -fe.preemphasis, 0]], high_pass])

    @property
    def start(self) -> npt.NDArray[np.float64]:
        """The filter's memory in silence."""
        return np.zeros((len(self._sections), 2))

    def __call__(self, samples: Floats, memory: npt.NDArray[np.float64]) -> tuple[Floats, npt.NDArray[np.float64]]:
        """Sound in [-1, 1], and the filter's memory for what follows."""
        sound, memory = scipy.signal.sosfilt(self._sections, samples, zi=memory)
        return np.clip(sound, -1, 1).astype(np.float32), memory


@dataclass(frozen=True)
class SpeechStream:
    """Speech up to some code. It does not change: what follows is another, so work that is given up leaves no trace.

    Made by `edgy_tf.decode.Decoder.stream`.
    """

    decoder: Decoder
    sampler: WaveSampler
    filter: Deemphasis
    voice: Voice
    row: Row
    memory: npt.NDArray[np.float64]
    rng: np.random.Generator

    def speak(self, codes: npt.ArrayLike, start: int, end: int) -> tuple[Floats, SpeechStream]:
        """Samples of the codes from ``start`` to ``end``, and the stream that goes on after them.

        Args:
            codes: ``[n]``; those before ``start`` and after ``end`` are heard beside, for the conditioning.
            start: place in ``codes`` of the first one that follows.
            end: place after the last one.

        Raises:
            ModelError: as ``Decoder.decode``.
        """
        if start == end:
            return np.zeros(0, np.float32), self
        stride = self.decoder.network.preset.stride
        context = self.decoder.context(codes, self.voice)[start * stride : end * stride]
        row, rng = Row(self.row.state, self.row.last), copy.deepcopy(self.rng)
        sound, memory = self.filter(self.sampler.extend(row, context, rng), self.memory)
        return sound, replace(self, row=row, memory=memory, rng=rng)
