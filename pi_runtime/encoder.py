"""The encoder session: any chunks of PCM in, codes out, the same codes for every chunking."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import to_float32
from edgy_tf.releases import find_release
from pi_runtime.interpreter import open_interpreter
from pi_runtime.model_file import read_info

Codes = npt.NDArray[np.int32]


class EdgeEncoder:
    """Turns a stream of audio into codes.

    The model always runs over windows of one fixed length at multiples of one fixed distance, whatever chunks the
    audio comes in, so the codes cannot depend on the chunks. Between runs it remembers what its convolutions need; a
    stream begins with so much silence that nothing is left of the one before. Load once and keep it: loading costs more
    than a second of encoding.

    Example:
        >>> encoder = EdgeEncoder.from_release("pi")
        >>> codes = [encoder.process(chunk) for chunk in microphone] + [encoder.flush()]

    Attributes:
        info: the model's own description: preset, codebook, geometry.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        path = Path(path)
        self.info = read_info(path)
        self._interpreter = open_interpreter(path.read_bytes(), path.name, threads)
        self._leveller = _leveller(self.info.hop) if self.info.levelled else None
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.reset()

    @classmethod
    def from_release(cls, name: str = "pi", variant: str = "int8", threads: int = 1) -> EdgeEncoder:
        """The encoder of an installed release, or of a folder that ``edgy export`` wrote.

        Raises:
            ModelError: no such release or variant.
        """
        return cls(find_release(name).encoder(variant), threads)

    @property
    def sample_rate(self) -> int:
        """Samples a second that ``process`` expects, Hz."""
        return self.info.sample_rate

    @property
    def frame_length(self) -> int:
        """Samples between two runs of the model; chunks of this length come back at the steadiest pace."""
        return self.info.advance

    def reset(self) -> None:
        """Forget the stream and start another."""
        self._pending = np.zeros(self.info.silence, np.float32)
        self._samples = 0
        if self._leveller:
            self._leveller.reset()
        self._codes = -self.info.warm_up * self.info.block

    def process(self, pcm: npt.ArrayLike) -> Codes:
        """Take samples, int16 or float in [-1, 1], any number, and return the codes that they complete.

        Raises:
            AudioError: not one channel of int16 or float samples, or not finite.
        """
        samples = to_float32(np.asarray(pcm))
        self._samples += len(samples)
        if self._leveller:
            samples = self._leveller.process(samples)
        return self._advance(samples)

    def flush(self) -> Codes:
        """End the stream: return its last codes, so that there are ``ceil(samples / samples_per_code)``; reset."""
        total = -(-self._samples // self.info.samples_per_code)
        missing = total - max(0, self._codes)
        blocks = missing and -(-(total - self._codes) // self.info.block)
        silence = blocks and (blocks - 1) * self.info.advance + self.info.window - len(self._pending)
        codes = self._advance(np.zeros(silence, np.float32))[:missing]
        self.reset()
        return codes

    def encode(self, pcm: npt.ArrayLike) -> Codes:
        """Encode a whole recording on its own: ``[n]`` samples to ``[ceil(n / samples_per_code)]`` codes."""
        self.reset()
        return np.concatenate([self.process(pcm), self.flush()])

    def _advance(self, samples: npt.NDArray[np.float32]) -> Codes:
        info = self.info
        pending = np.concatenate([self._pending, samples])
        blocks = max(0, (len(pending) - info.window) // info.advance + 1)
        codes = np.empty((blocks, info.block), np.int32)
        for i in range(blocks):
            start = i * info.advance
            self._interpreter.set_tensor(self._input, pending[None, start : start + info.window])
            self._interpreter.invoke()
            codes[i] = self._interpreter.get_tensor(self._output)[0]
        # A copy, or a view would keep the whole of a long recording alive.
        self._pending = pending[blocks * info.advance :].copy()
        unready = max(0, -self._codes)
        self._codes += codes.size
        return codes.reshape(-1)[unready:]


def _leveller(hop: int) -> Any:
    # Here, for few encoders want it, and a sixth of what starting takes on a Pi would be its import.
    from edgy_tf.frontend import Leveller

    return Leveller(hop)
