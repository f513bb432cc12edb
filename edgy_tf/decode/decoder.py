"""Codes to mel, and to speech in a voice."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from edgy_tf.decode.conditioning import GruConditioning
from edgy_tf.decode.griffin_lim import griffin_lim
from edgy_tf.decode.sampler import WaveSampler
from edgy_tf.decode.stream import Deemphasis, SpeechStream
from edgy_tf.decode.voice import Voice, in_tract
from edgy_tf.errors import CodebookMismatchError, ModelError
from edgy_tf.models.wavernn import build_conditioning
from edgy_tf.models.whisper import MELS, features_of_mel
from edgy_tf.network import NOBODY, Network
from edgy_tf.releases import find_release
from edgy_tf.weights import assign_variables

if TYPE_CHECKING:
    import tensorflow as tf

Floats = npt.NDArray[np.float32]

VOCODERS = ("wavernn", "griffin-lim")
"""Ways from the conditioning to samples: the paper's, and one without training on the mel head."""


class Decoder:
    """The decoder of one codebook. Threads may use it at a time: their WaveRNNs then advance together.

    Args:
        network: codebook, conditioning, WaveRNN and heads.
        vocoder: out of `VOCODERS`: what `decode` uses unless told otherwise.

    Example:
        >>> decoder = Decoder.from_release("pi")
        >>> speech = decoder.decode(codes, decoder.voice("F1"))
    """

    def __init__(self, network: Network, vocoder: str = "wavernn") -> None:
        preset = network.preset
        self.vocoder = vocoder
        self.network = network
        self.sample_rate = preset.front_end.sample_rate
        self._conditioning = build_conditioning(preset)
        assign_variables(self._conditioning, network.arrays, "release")
        self._mel_head = _head(network, "mel_head", preset.front_end.mels)
        self._text_head = _head(network, "text_head", MELS)
        spoken = any(name.startswith("wavernn/") for name in network.arrays)
        self._sampler = WaveSampler(preset, network.arrays) if spoken else None
        self._filter = Deemphasis(preset.front_end)
        self._compiled = self._compiled_conditioning()

    @classmethod
    def from_release(cls, name: str | os.PathLike[str] = "pi") -> Decoder:
        """The decoder of an installed release, or of a folder that ``edgy export`` wrote."""
        release = find_release(str(name))
        return cls(Network.load(release.network), release.vocoder)

    @property
    def vocoders(self) -> list[str]:
        """Those of `VOCODERS` that the release was trained for."""
        return [name for name, part in zip(VOCODERS, (self._sampler, self._mel_head), strict=True) if part is not None]

    @property
    def voices(self) -> list[str]:
        """Names of the voices that come with the release; the first is the default."""
        return list(self.network.voices)

    def voice(self, name: str | None = None) -> Voice:
        """A voice of the release; without a name, the default.

        Raises:
            ModelError: no voice of that name.
        """
        if name is None:
            name = self.voices[0]
        if name not in self.network.voices:
            raise ModelError(f"no voice '{name}'; choose one of {', '.join(self.voices)}")
        return Voice(self.network.voices[name])

    def check(self, codebook_id: str) -> None:
        """Refuse codes of another codebook.

        Raises:
            CodebookMismatchError: naming both.
        """
        if codebook_id != self.network.codebook_id:
            raise CodebookMismatchError(
                f"the codes are of codebook {codebook_id}, this decoder is of {self.network.codebook_id}; "
                "use the release that encoded them"
            )

    def decode(self, codes: npt.ArrayLike, voice: Voice, seed: int = 0, vocoder: str | None = None) -> Floats:
        """Speech for ``codes [n]``: samples ``[n * samples_per_code]`` in [-1, 1].

        Args:
            codes: integers.
            voice: in which to speak.
            seed: of the WaveRNN's draws.
            vocoder: out of `VOCODERS`; None takes the release's.

        Raises:
            ModelError: a code outside of the codebook, an embedding of another length, or no such vocoder here.
        """
        vocoder = vocoder or self.vocoder
        if vocoder not in self.vocoders:
            raise ModelError(f"no vocoder '{vocoder}' in this release; choose {' or '.join(self.vocoders)}")
        if vocoder == "griffin-lim":
            mel = self.mel(codes, voice)
            return griffin_lim(mel, self.network.preset.front_end) if len(mel) else np.zeros(0, np.float32)
        context = self.context(codes, voice)
        if not len(context):
            return np.zeros(0, np.float32)
        assert self._sampler is not None
        speech, _ = self._filter(self._sampler.sample(context, seed), self._filter.start)
        return speech

    def stream(self, voice: Voice, seed: int = 0) -> SpeechStream:
        """Speech by the WaveRNN of codes that are still coming, before the first of them.

        Raises:
            ModelError: the release has no WaveRNN.
        """
        if self._sampler is None:
            raise ModelError(f"this release has no WaveRNN; it speaks by {' or '.join(self.vocoders)}")
        rng = np.random.default_rng(seed)
        return SpeechStream(self, self._sampler, self._filter, voice, self._sampler.row(), self._filter.start, rng)

    def mel(self, codes: npt.ArrayLike, voice: Voice) -> Floats:
        """Log-mel for ``codes [n]`` by the mel head, ``[n * stride, mels]``: a decoder without a vocoder.

        Raises:
            ModelError: as ``decode``, or the release was trained without a mel head.
        """
        if self._mel_head is None:
            raise ModelError("this release has no mel head; train with a 'mel' or 'content' phase")
        mel = np.asarray(self._mel_head(self.context(codes, voice)[None])[0])
        return in_tract(mel, voice.tract, self.network.preset.front_end)

    @property
    def has_words(self) -> bool:
        """Whether `words` can be had: the release was trained with a ``mel`` or a ``content`` phase."""
        return self._text_head is not None or self._mel_head is not None

    def words(self, codes: npt.ArrayLike) -> Floats:
        """Features for ``codes [n]`` in which Whisper hears the words: its log-mel, ``[n * stride, 80]``.

        No sound is made: this is the way from codes to text (paper section 3.4). They come from the text head, in
        nobody's voice, or else from the mel head, in the default voice.

        Raises:
            ModelError: a code outside of the codebook, or the release has neither head.
        """
        if self._text_head is not None:
            return np.asarray(self._text_head(self.context(codes, Voice(self.network.arrays[NOBODY]))[None])[0])
        mel = self.mel(codes, self.voice())
        return np.asarray(features_of_mel(mel[None], self.network.preset.front_end)[0])

    def mel_graph(self, vectors: tf.Tensor, voice: tf.Tensor) -> tf.Tensor:
        """The mel head in TensorFlow, for gradients: ``[B, n, D]`` and ``[B, dim]`` to ``[B, n * stride, mels]``."""
        assert self._mel_head is not None
        return self._mel_head(self._conditioning(vectors, voice))

    def context(self, codes: npt.ArrayLike, voice: Voice) -> Floats:
        """Conditioning of the WaveRNN, ``[n * stride, C]``, for ``codes [n]`` and a voice's embedding."""
        codes = np.asarray(codes, np.int64).reshape(-1)
        preset = self.network.preset
        if len(codes) and not 0 <= codes.min() <= codes.max() < preset.codebook.size:
            raise ModelError(f"codes must be 0 to {preset.codebook.size - 1}")
        if voice.embedding.shape != (preset.speaker.dim,):
            raise ModelError(f"a voice has {preset.speaker.dim} numbers here, not {voice.embedding.size}")
        if not len(codes):
            return np.zeros((0, 2 * preset.decoder.conditioning), np.float32)
        return self._compiled(self.network.codebook[codes], voice.embedding.astype(np.float32))

    def _compiled_conditioning(self) -> Callable[[Floats, Floats], Floats]:
        """Code vectors ``[n, D]`` and a voice ``[dim]`` to ``[n * stride, C]``."""
        if not self.network.preset.decoder.context:
            return GruConditioning(self.network.preset, self.network.arrays)
        if keras.backend.backend() == "jax":
            # A machine with a GPU, where a reading learns, need not have TensorFlow.
            import jax

            compiled = jax.jit(self._conditioning.__call__)
            return lambda vectors, voice: np.asarray(compiled(vectors[None], voice[None]))[0]
        import tensorflow as tf

        graph = tf.function(self._conditioning, reduce_retracing=True)
        return lambda vectors, voice: np.asarray(graph(tf.constant(vectors[None]), tf.constant(voice[None])))[0]


def _head(network: Network, name: str, width: int) -> layers.Dense | None:
    """A linear layer on the conditioning; None where the network was trained without it."""
    if f"{name}/kernel" not in network.arrays:
        return None
    head = layers.Dense(width, name=name)
    head.build((None, None, 2 * network.preset.decoder.conditioning))
    assign_variables(head, network.arrays, "release")
    return head
