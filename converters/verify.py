"""Do two encoders of one codebook give the same codes? Keras float against every ``.tflite``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgy_tf.corpora import to_float32
from edgy_tf.frontend import as_heard, encoder_input
from edgy_tf.frontend.layer import LogMelLayer
from edgy_tf.network import Network

Pcm = npt.NDArray[np.int16]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Agreement:
    """How many codes of how many were equal, over a number of utterances."""

    equal: int
    codes: int
    utterances: int

    @property
    def share(self) -> float:
        """Share of equal codes, 0 to 1."""
        return self.equal / max(1, self.codes)

    def __str__(self) -> str:
        return f"{100 * self.share:.3f} % of {self.codes} codes in {self.utterances} utterances"


class KerasEncoder:
    """PCM to codes by Keras in float32 over the whole recording at once: what every ``.tflite`` is held against.

    Args:
        network: encoder and codebook.
        front_end: ``layer`` computes log-mel as the ``.tflite`` files do, ``numpy`` as the streaming front end does.
    """

    def __init__(self, network: Network, front_end: str = "layer") -> None:
        self._preset = network.preset
        self._encoder = tf.function(network.encoder(), reduce_retracing=True)
        self._layer = LogMelLayer(network.preset.front_end) if front_end == "layer" else None
        self._codebook = network.codebook

    def encode(self, pcm: Pcm) -> Codes:
        """Codes ``[ceil(n / samples_per_code)]`` of ``pcm [n]``."""
        audio, p = to_float32(pcm), self._preset
        mel = encoder_input(audio, p)[None] if self._layer is None else self._in_graph(as_heard(audio, p))
        if not mel.shape[1]:
            return np.zeros(0, np.int32)
        z = np.asarray(self._encoder(tf.constant(mel)))[0]
        scores = z @ self._codebook.T - 0.5 * np.sum(np.square(self._codebook), -1)
        return np.argmax(scores, -1).astype(np.int32)

    def _in_graph(self, audio: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        assert self._layer is not None
        fe = self._preset.front_end
        frames = self._preset.frames_for(self._preset.codes_for(len(audio))) if len(audio) else 0
        before = 1 + self._preset.history * fe.hop + (fe.window - fe.hop) // 2
        after = 1 + (frames - 1) * fe.hop + fe.window - before - len(audio)
        return (
            np.asarray(self._layer(np.pad(audio, (before, after))[None]))
            if frames
            else np.zeros((1, 0, fe.mels), np.float32)
        )


def agreement(
    reference: Callable[[Pcm], Codes], others: Mapping[str, Callable[[Pcm], Codes]], speech: Iterable[Pcm]
) -> dict[str, Agreement]:
    """Compare the codes of each of ``others`` with those of ``reference`` over ``speech``."""
    equal = dict.fromkeys(others, 0)
    codes = utterances = 0
    for pcm in speech:
        expected = reference(pcm)
        codes, utterances = codes + len(expected), utterances + 1
        for name, encode in others.items():
            equal[name] += int(np.sum(encode(pcm) == expected))
    return {name: Agreement(count, codes, utterances) for name, count in equal.items()}
