"""One utterance after another through the encoder: sound in, packets of a stream out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import SettingsError
from edgy_tf.voice_file import load_voice
from edgy_tf.wire import StreamHeader, StreamWriter
from pi_runtime.encoder import EdgeEncoder
from pi_runtime.node.gate import SAMPLE_RATE
from pi_runtime.node.levels import Level
from pi_runtime.node.settings import Settings

Pcm = npt.NDArray[np.int16]


class Session:
    """An encoder and the voice that level ``identity`` sends.

    Raises:
        ModelError: no such release, variant or voice.
        CodebookMismatchError: the voice belongs to another codebook.
        SettingsError: the encoder is not one for sound at 16 kHz.
    """

    def __init__(self, settings: Settings) -> None:
        self._encoder = EdgeEncoder.from_release(settings.release, settings.variant)
        info = self._encoder.info
        if info.sample_rate != SAMPLE_RATE:
            raise SettingsError(f"release {settings.release} hears {info.sample_rate} Hz; the node hears {SAMPLE_RATE}")
        self._voice = load_voice(Path(settings.voice_file), info.codebook_id) if settings.identity_consent else None
        self._header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
        self._writer: StreamWriter | None = None
        self._samples = 0

    def begin(self, level: Level, sink: Callable[[bytes], object]) -> None:
        """Start an utterance whose header and packets go to ``sink``; the voice is among them at level ``identity``."""
        self._encoder.reset()
        self._samples = 0
        self._writer = StreamWriter(sink, self._header)
        if level.kind == "identity" and self._voice is not None:
            self._writer.write_speaker(self._voice)

    def write(self, pcm: Pcm) -> None:
        """Encode samples ``[n]`` of the utterance."""
        assert self._writer is not None
        self._samples += len(pcm)
        self._writer.write(self._encoder.process(pcm))

    def end(self) -> None:
        """End the utterance with its last codes and END; does nothing where none has begun."""
        if self._writer is not None:
            self._writer.write(self._encoder.flush())
            self._writer.close(self._samples)
            self._writer = None
