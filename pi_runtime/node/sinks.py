"""Sinks on this machine, and what every sink is."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from edgy_tf.errors import ModelError, UplinkError
from edgy_tf.weights import atomic_file
from pi_runtime.node.ledger import Ledger
from pi_runtime.node.settings import Settings
from pi_runtime.node.utterance import Utterance


class Sink(Protocol):
    """Where utterances go."""

    async def deliver(self, utterance: Utterance) -> str:
        """Take an utterance, following it while it grows; return what the cloud understood, if it is asked for words.

        Raises:
            UplinkError: not all of it got through; deliver it again.
            RejectedError: it never will.
            StorageError: the disclosure cannot be recorded, so it was not sent.
        """
        ...


class FolderSink:
    """Each utterance becomes ``STREAM.edgy`` in a folder of this machine, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, utterance: Utterance) -> str:
        """See ``Sink``."""
        parts = [data async for data in utterance.follow()]
        await asyncio.to_thread(self._write, utterance.stream, b"".join(parts))
        return ""

    def _write(self, name: str, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(self._folder / f"{name}.edgy") as file:
                file.write(data)
        except (OSError, ModelError) as error:
            raise UplinkError(str(error)) from error


class PipeSink:
    """Streams one after another on standard output, packet by packet, as they are spoken."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    async def deliver(self, utterance: Utterance) -> str:
        """See ``Sink``; whoever reads must read to the end, for nothing is written twice."""
        async for data in utterance.follow():
            await asyncio.to_thread(self._write, data)
        return ""

    def _write(self, data: bytes) -> None:
        self._pipe.write(data)
        self._pipe.flush()


def open_sink(settings: Settings, ledger: Ledger, on_text: Callable[[str, bool], None]) -> Sink:
    """The sink that the settings name.

    Args:
        settings: of the node.
        ledger: where a cloud's sink records what it sends.
        on_text: is told what the cloud has understood so far, and whether that is final.

    Raises:
        SettingsError: no readable token.
        MissingDependencyError: websockets is needed and not installed.
    """
    scheme = urlsplit(settings.sink).scheme
    if scheme in ("ws", "wss"):
        from pi_runtime.node.uplink import StreamUplink

        return StreamUplink(settings.sink, settings.token(), ledger, on_text)
    if scheme in ("http", "https"):
        from pi_runtime.node.post import PostUplink

        return PostUplink(settings.sink, settings.token(), ledger, on_text)
    if settings.sink == "-":
        # A descriptor of its own, so that nothing else that is printed gets between the packets.
        pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        return PipeSink(pipe)
    return FolderSink(Path(settings.sink))
