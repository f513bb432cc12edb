"""Sources of sound: a microphone, a file, standard input, a Wyoming microphone. All give int16 mono at 16 kHz."""

from __future__ import annotations

import logging
import os
import queue
import select
import sys
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import read_pcm16
from edgy_tf.errors import MissingDependencyError, SourceError
from pi_runtime.node.gate import SAMPLE_RATE

log = logging.getLogger(__name__)
Pcm = npt.NDArray[np.int16]
CHUNK = 1600
"""Samples that a source gives at a time: 100 ms."""
SILENCE_S = 3.0
"""A device that gives nothing for so many seconds is gone."""


class Source(Protocol):
    """Where sound comes from.

    Attributes:
        live: sound that is not taken at once is lost; other sources wait.
    """

    live: bool

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        """Sound in chunks ``[n]`` until it ends or ``stop`` is set; called again after an error.

        Raises:
            SourceError: the source has fallen silent; it may come back.
        """
        ...


def open_source(name: str) -> Source:
    """A source by its name: ``microphone``, ``microphone:NAME``, ``-``, ``tcp://HOST:PORT`` or a sound file."""
    if name == "microphone" or name.startswith("microphone:"):
        return Microphone(name.partition(":")[2])
    if name == "-":
        return StandardInput(sys.stdin.fileno())
    if name.startswith("tcp://"):
        return WyomingMicrophone(name)
    return SoundFile(Path(name))


class SoundFile:
    """A recording; as fast as it can be encoded."""

    live = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        """See ``Source``.

        Raises:
            AudioError: not a sound file.
            MissingDependencyError: soundfile or soxr is needed for it.
        """
        blocks = self._plain() or iter([read_pcm16(self._path, SAMPLE_RATE)])
        for block in blocks:
            for start in range(0, len(block), CHUNK):
                if stop.is_set():
                    return
                yield block[start : start + CHUNK]

    def _plain(self) -> Iterator[Pcm] | None:
        """A plain 16-bit mono .wav at 16 kHz, block by block, so that a day of it needs no memory; else None."""
        try:
            with wave.open(str(self._path), "rb") as wav:
                if (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) != (1, 2, SAMPLE_RATE):
                    return None
        except (OSError, EOFError, wave.Error):
            return None
        return self._blocks()

    def _blocks(self) -> Iterator[Pcm]:
        with wave.open(str(self._path), "rb") as wav:
            while data := wav.readframes(60 * SAMPLE_RATE):
                yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


class StandardInput:
    """Raw little-endian int16 at 16 kHz from a descriptor, as ``arecord -t raw -f S16_LE -r 16000`` writes it."""

    live = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        """See ``Source``."""
        rest = b""
        while not stop.is_set():
            if not select.select([self._descriptor], [], [], 0.1)[0]:
                continue
            data = os.read(self._descriptor, 2 * CHUNK)
            if not data:
                return
            data = rest + data
            whole = len(data) // 2 * 2
            rest = data[whole:]
            yield np.frombuffer(data[:whole], "<i2").astype(np.int16)


class Microphone:
    """A microphone by PortAudio; ``name`` is part of its name, empty for the default one."""

    live = True

    def __init__(self, name: str = "") -> None:
        self._name = name

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        """See ``Source``.

        Raises:
            MissingDependencyError: sounddevice or PortAudio is not installed.
        """
        device = _sounddevice()
        # PortAudio lists devices once; one that was plugged in since is seen only by a new start.
        device._terminate()
        device._initialize()
        sound: queue.Queue[bytes] = queue.Queue(maxsize=100)
        slow = threading.Event()

        def take(data: Any, frames: int, time: Any, status: Any) -> None:
            try:
                sound.put_nowait(bytes(data))
            except queue.Full:
                if not slow.is_set():
                    slow.set()
                    log.warning("sound is being lost: this machine encodes too slowly")

        try:
            with device.RawInputStream(
                samplerate=SAMPLE_RATE,
                blocksize=CHUNK,
                channels=1,
                dtype="int16",
                device=self._name or None,
                callback=take,
            ):
                while not stop.is_set():
                    yield np.frombuffer(sound.get(timeout=SILENCE_S), np.int16)
        except queue.Empty:
            raise SourceError("the microphone gives no sound; is it plugged in?") from None
        except (device.PortAudioError, ValueError) as error:  # ValueError: no device of that name
            raise SourceError(f"no microphone ({' '.join(str(error).split())})") from error


class WyomingMicrophone:
    """A microphone that a Wyoming server offers, ``tcp://HOST:PORT``."""

    live = True

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def chunks(self, stop: threading.Event) -> Iterator[Pcm]:
        """See ``Source``.

        Raises:
            MissingDependencyError: wyoming is not installed.
        """
        import socket

        try:
            from wyoming.audio import AudioChunk, AudioChunkConverter
            from wyoming.event import read_event
        except ImportError as error:
            raise MissingDependencyError("wyoming is not installed; run: pip install 'edgy-tf[wyoming]'") from error
        url, convert = urlsplit(self._uri), AudioChunkConverter(rate=SAMPLE_RATE, width=2, channels=1)
        try:
            with (
                socket.create_connection((url.hostname, url.port), SILENCE_S) as connection,
                connection.makefile("rb") as reader,
            ):
                while not stop.is_set() and (event := read_event(reader)) is not None:
                    if AudioChunk.is_type(event.type):
                        yield np.frombuffer(convert.convert(AudioChunk.from_event(event)).audio, "<i2")
        except (OSError, KeyError) as error:
            raise SourceError(f"no microphone at {self._uri} ({error})") from error
        if not stop.is_set():
            raise SourceError(f"the microphone at {self._uri} has closed the connection")


def _sounddevice() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the package is there and PortAudio is not
        raise MissingDependencyError(
            "no sounddevice; run: pip install 'edgy-tf[node]' and: sudo apt install libportaudio2"
        ) from error
    return sounddevice
