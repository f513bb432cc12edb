"""What the page at ``/`` shows of a stream: what left the device, the codes, and how they sound in several voices."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import to_float32
from edgy_tf.decode.decoder import Floats
from edgy_tf.decode.voice import Voice
from edgy_tf.demo.figures import DARK, LIGHT, Figures, Theme
from edgy_tf.demo.stream_view import code_hues
from edgy_tf.releases import Release
from edgy_tf.serve.audio import AudioFormat, audio_file
from edgy_tf.serve.engine import Engine, Lane
from edgy_tf.serve.messages import PanelBody, ShowBody
from edgy_tf.wire import Stream, StreamHeader, StreamWriter, bits_per_second, bytes_by_kind

LONGEST_SECONDS = 30
"""Of speech that are shown at a time: figures of more would take minutes and show nothing."""
RAW = "raw"


class Show:
    """Draws, in a thread of its own.

    Args:
        engine: that speaks.
        queue: drawings that may wait.
    """

    def __init__(self, engine: Engine, queue: int) -> None:
        self._engine = engine
        self._hues = code_hues(engine.decoder.network.codebook)
        self._lane = Lane("page", queue, engine.metrics)

    async def show(
        self, stream: Stream, data: bytes, voices: dict[str, Voice], raw: npt.NDArray[np.int16] | None = None
    ) -> ShowBody:
        """Everything about a stream.

        Args:
            stream: with one code or more.
            data: its bytes.
            voices: to speak in, by name.
            raw: what was said, int16 [n], if this server knows.

        Raises:
            BusyError: too much waits already.
        """
        spoken = await asyncio.gather(*(self._engine.speak(stream.codes, voice) for voice in voices.values()))
        sounds = {} if raw is None else {RAW: to_float32(raw)}
        sounds |= {name: samples[: stream.samples] for name, samples in zip(voices, spoken, strict=True)}
        return ShowBody(
            seconds=len(stream.codes) / self._engine.code_rate,
            bits_per_second=bits_per_second(len(data), len(stream.codes), stream.header),
            disclosed=bytes_by_kind(data),
            codes=stream.codes.tolist(),
            hues=self._hues[stream.codes].tolist(),
            panels=await self._lane.run(lambda: self._panels(sounds)),
            stream=b64encode(data).decode(),
        )

    def close(self) -> None:
        """End the thread."""
        self._lane.close()

    def _panels(self, sounds: dict[str, Floats]) -> list[PanelBody]:
        rate = self._engine.header.sample_rate
        figures = Figures(list(sounds.values()), rate)

        def drawn(samples: Floats, theme: Theme) -> str:
            return b64encode(figures.draw(samples, theme)).decode()

        return [
            PanelBody(
                name=name,
                wav=b64encode(audio_file(samples, rate, AudioFormat.WAV)).decode(),
                light=drawn(samples, LIGHT),
                dark=drawn(samples, DARK),
            )
            for name, samples in sounds.items()
        ]


class PlayedDevice:
    """The device's part, which a server plays that was started with ``--demo``: it is given sound.

    Args:
        release: whose int8 encoder runs.
        queue: recordings that may wait.
        engine: of the release.

    Raises:
        ModelError: the release has no such encoder.
        MissingDependencyError: no TFLite interpreter is installed.
    """

    def __init__(self, release: Release, queue: int, engine: Engine) -> None:
        from pi_runtime import EdgeEncoder

        self._encoder = EdgeEncoder(release.encoder("int8"))
        self._header: StreamHeader = engine.header
        self._lane = Lane("device", queue, engine.metrics)

    async def encode(self, pcm: npt.NDArray[np.int16]) -> bytes:
        """The stream that a device would send for samples ``[n]``.

        Raises:
            BusyError: too much waits already.
        """
        return await self._lane.run(lambda: self._stream(pcm))

    def close(self) -> None:
        """End the thread."""
        self._lane.close()

    def _stream(self, pcm: npt.NDArray[np.int16]) -> bytes:
        parts: list[bytes] = []
        writer = StreamWriter(parts.append, self._header)
        writer.write(self._encoder.encode(pcm))
        writer.close(len(pcm))
        return b"".join(parts)
