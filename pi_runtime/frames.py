"""The encoder behind a front end of one's own: any number of log-mel frames in, codes out, no frame computed twice."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import AudioError, ModelError
from pi_runtime.encoder import Codes
from pi_runtime.interpreter import open_interpreter
from pi_runtime.model_file import read_info

Frames = npt.NDArray[np.float32]


class FrameEncoder:
    """Turns a stream of log-mel frames into codes, by the signatures ``encode_stream`` and ``encode``.

    Each code costs one step that sees its own frames and the states of the convolutions; ``EdgeEncoder``, which takes
    PCM, computes the context of every block again. The first code comes with frame ``info.receptive_field``: for codes
    that begin where the sound does, as ``EdgeEncoder`` gives them, let the front end hear ``info.history`` frames of
    silence first. Where ``info.levelled``, samples go through ``edgy_tf.frontend.Leveller`` before that.

    Example:
        >>> encoder, front_end = FrameEncoder(path), LogMel(fe := FrontEnd(**read_info(path).front_end))
        >>> encoder.process(front_end.process(np.zeros(encoder.info.history * fe.hop)))
        >>> codes = [encoder.process(front_end.process(chunk)) for chunk in microphone]

    Attributes:
        info: the model's own description.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 1) -> None:
        path = Path(path)
        self.info = read_info(path)
        interpreter = open_interpreter(path.read_bytes(), path.name, threads)
        if "encode_stream" not in interpreter.get_signature_list():
            raise ModelError(f"{path} takes PCM alone, not log-mel; export it again, or use EdgeEncoder")
        self._whole = interpreter.get_signature_runner("encode")
        self._next = interpreter.get_signature_runner("encode_stream")
        inputs = self._next.get_input_details()
        _, self._step, self._mels = map(int, inputs.pop("mel")["shape"])
        self._empty = {name: np.zeros(state["shape"], state["dtype"]) for name, state in inputs.items()}
        context = self.info.receptive_field - self._step
        # Steps that only fill the states; where they do not divide the context, the first begins before the frames.
        self._unready = -(-context // self._step)
        self._lead = self._unready * self._step - context
        self.reset()

    def reset(self) -> None:
        """Forget the stream and start another."""
        self._pending = np.zeros((self._lead, self._mels), np.float32)
        self._states = self._empty
        self._steps = 0

    def process(self, mel: npt.ArrayLike) -> Codes:
        """Take frames ``[n, mels]``, any n, and return the codes that they complete.

        Raises:
            AudioError: frames of another length, or not finite.
        """
        pending = np.concatenate([self._pending, self._checked(mel)])
        steps = len(pending) // self._step
        codes = np.empty(steps, np.int32)
        for i in range(steps):
            frames = pending[None, i * self._step : (i + 1) * self._step]
            self._states = self._next(mel=frames, **self._states)
            codes[i] = self._states.pop("codes")[0, 0]
        self._pending = pending[steps * self._step :].copy()
        unready = max(0, self._unready - self._steps)
        self._steps += steps
        return codes[unready:]

    def encode(self, mel: npt.ArrayLike) -> Codes:
        """All codes of ``mel [n, mels]`` in one run: those that ``process`` gives after ``reset``.

        Raises:
            AudioError: as ``process``.
        """
        frames = self._checked(mel)
        if len(frames) < self.info.receptive_field:
            return np.zeros(0, np.int32)
        return np.asarray(self._whole(mel=frames[None])["codes"][0])

    def _checked(self, mel: npt.ArrayLike) -> Frames:
        frames = np.asarray(mel, np.float32)
        if frames.ndim != 2 or frames.shape[1] != self._mels or not np.isfinite(frames).all():
            raise AudioError(
                f"log-mel must be finite numbers of shape [frames, {self._mels}], not {list(frames.shape)}"
            )
        return frames
