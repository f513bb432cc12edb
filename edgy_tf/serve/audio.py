"""Speech as a file in memory."""

from __future__ import annotations

import io
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import soundfile

from edgy_tf.corpora import to_pcm16


class AudioFormat(StrEnum):
    """File formats of speech: PCM of 16 bits, the same without loss in less room, and Opus in Ogg."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"

    @property
    def media_type(self) -> str:
        """Its media type."""
        return f"audio/{self.value}"


def audio_file(speech: npt.NDArray[np.float32], sample_rate: int, kind: AudioFormat) -> bytes:
    """Samples ``[n]`` in [-1, 1] as a file."""
    buffer = io.BytesIO()
    subtype = "OPUS" if kind is AudioFormat.OGG else "PCM_16"
    samples = speech if kind is AudioFormat.OGG else to_pcm16(speech)
    soundfile.write(buffer, samples, sample_rate, format=kind.value.upper(), subtype=subtype)
    return buffer.getvalue()
