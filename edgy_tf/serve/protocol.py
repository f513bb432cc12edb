"""The WebSocket protocol of ``/v1/stream``: packets in, text and speech out while the person still speaks.

Described in ``docs/cloud.md``; the bytes of header and packets are those of ``docs/wire-format.md``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from edgy_tf.corpora import to_pcm16
from edgy_tf.errors import EdgyError
from edgy_tf.levels import Level
from edgy_tf.serve.auth import Client, bearer
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.incremental import IncrementalSpeech
from edgy_tf.serve.refusals import (
    INTERNAL,
    BusyError,
    RefusalError,
    TooLargeError,
    TooSlowError,
    refusal_of,
    refused,
)
from edgy_tf.serve.streams import Session
from edgy_tf.wire.packets import OVERHEAD

MAX_MESSAGE = OVERHEAD + 2**16 - 1
"""Bytes of the longest packet there is."""
_LOG = logging.getLogger("edgy_tf.serve")


@dataclass(frozen=True)
class Opening:
    """The first message of a connection.

    Attributes:
        stream: id that the device chose, 32 hexadecimal digits.
        level: how much of the person may be heard.
        voice: name of a pseudonym, or id of an enrolled voice.
        speech: whether speech is wanted beside text.
    """

    stream: str
    level: Level
    voice: str | None = None
    speech: bool = False

    @classmethod
    def from_json(cls, text: str) -> Opening:
        """Read the message.

        Raises:
            RefusalError: it says something else.
        """
        try:
            fields = json.loads(text)
            kind, stream, voice, speech = (fields.get(key) for key in ("type", "stream", "voice", "speech"))
            level = Level(fields["level"])
            (voice or "").encode()  # JSON has strings that are no text.
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RefusalError(_EXPECTED) from error
        known = kind == "open" and isinstance(stream, str) and re.fullmatch("[0-9a-f]{32}", stream)
        if not known or not isinstance(voice, str | None) or not isinstance(speech, bool | None):
            raise RefusalError(_EXPECTED)
        return cls(stream, level, voice or None, bool(speech))


_EXPECTED = 'a stream begins with {"type": "open", "stream": UUID4 as 32 hexadecimal digits, "level": "text", ...}'


async def serve_stream(socket: WebSocket, cloud: Cloud) -> None:
    """Serve one connection, from its first message to its close."""
    try:
        client = cloud.client(bearer(socket.headers.get("authorization")))
    except EdgyError as error:
        # As an answer of HTTP: 1008 would say that the stream is bad, and a device would not keep it.
        await socket.send_denial_response(refused(error))
        cloud.metrics.closed.labels(str(refusal_of(error).status)).inc()
        return
    await socket.accept()
    code = "1000"
    try:
        async with cloud.connection():
            await _converse(socket, cloud, client)
    except WebSocketDisconnect:
        code = "gone"  # Its own code may be any of thousands.
    except EdgyError as error:
        refusal = refusal_of(error)
        code = str(refusal.close)
        await _refuse(socket, refusal.close, str(refusal))
    except Exception:
        code = str(INTERNAL)
        _LOG.exception("a stream failed")
        await _refuse(socket, INTERNAL, "the server has made a mistake; it is logged there")
    cloud.metrics.closed.labels(code).inc()


async def _refuse(socket: WebSocket, code: int, message: str) -> None:
    try:
        await socket.send_json({"type": "error", "message": message})
        await socket.close(code)
    except (WebSocketDisconnect, RuntimeError):
        pass  # Nobody is there any more to be told.


async def _converse(socket: WebSocket, cloud: Cloud, client: Client) -> None:
    try:
        async with asyncio.timeout(cloud.settings.body_seconds):
            message = await _receive(socket)
    except TimeoutError as error:
        raise TooSlowError("no opening message came in time") from error
    if not isinstance(message, str):
        raise RefusalError(_EXPECTED)
    opening = Opening.from_json(message)
    async with cloud.streams.opened(client, opening.stream) as (session, moved_on):
        await _Conversation(socket, cloud, client, opening, session).run(moved_on)


async def _receive(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    data = message.get("bytes")
    return data if data is not None else str(message.get("text"))


@contextmanager
def _noticing(socket: WebSocket) -> Iterator[None]:
    """Tell a device that has gone from a mistake of ours: uvicorn raises one error for both."""
    try:
        yield
    except RuntimeError as error:
        if socket.client_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnect(1006) from error
        raise


class _Conversation:
    """One connection and the stream that it has."""

    def __init__(self, socket: WebSocket, cloud: Cloud, client: Client, opening: Opening, session: Session) -> None:
        self._socket = socket
        self._cloud = cloud
        self._client = client
        self._opening = opening
        self._session = session
        self._news = asyncio.Event()

    async def run(self, moved_on: asyncio.Event) -> None:
        """Receive and answer until the stream is done, the device has gone, or a newer connection has come."""
        if self._opening.speech and self._opening.level is Level.TEXT:
            raise RefusalError("level 'text' gives no speech; choose anonymous, pseudonym or identity")
        if self._session.result is None:
            if self._opening.speech and self._session.speech is None and not self._waits_for_voice:
                await self._choose_voice()
            await self._send({"type": "ready", "next": self._session.next})
            answering = asyncio.create_task(self._answer())
            others = [asyncio.create_task(self._receive()), asyncio.create_task(moved_on.wait())]
            try:
                await self._until_answered(answering, others, moved_on)
            except (RefusalError, WebSocketDisconnect):
                raise
            except EdgyError:
                # A damaged packet is never forgiven, so there is nothing to go on with.
                self._cloud.streams.forget(self._client, self._opening.stream)
                raise
            finally:
                for task in (answering, *others):
                    task.cancel()
                await asyncio.gather(answering, *others, return_exceptions=True)
        assert self._session.result is not None
        await self._send(self._session.result)
        with _noticing(self._socket):
            await self._socket.close()

    async def _until_answered(
        self, answering: asyncio.Task[None], others: list[asyncio.Task[Any]], moved_on: asyncio.Event
    ) -> None:
        pending: set[asyncio.Task[Any]] = {answering, *others}
        while answering in pending:
            alive = self._cloud.settings.alive_seconds
            done, pending = await asyncio.wait(pending, timeout=alive, return_when=asyncio.FIRST_COMPLETED)
            if not done and self._session.samples is not None:
                # A device gives up on a server that is silent, and would lose its place in the queue.
                await self._send({"type": "ack", "next": self._session.next})
            for task in done:
                task.result()
            if moved_on.is_set():
                raise RefusalError("a newer connection has this stream")

    async def _receive(self) -> None:
        session = self._session
        while session.samples is None:
            try:
                async with asyncio.timeout(self._cloud.settings.idle_seconds):
                    message = await _receive(self._socket)
            except TimeoutError as error:
                raise TooSlowError("no packet came for a long time; come back when there is one") from error
            if isinstance(message, str):
                raise RefusalError("after the opening come header and packets, as binary messages")
            try:
                new = session.take(message)
            except TooLargeError:
                self._cloud.streams.forget(self._client, self._opening.stream)
                raise
            if new:
                await self._send({"type": "ack", "next": session.next})
                self._news.set()
        self._news.set()
        while True:  # Until the device goes: only so is it noticed.
            await _receive(self._socket)

    async def _answer(self) -> None:
        session = self._session
        if session.samples is not None:
            self._news.set()  # All had come before the connection was lost.
        while session.samples is None:
            await self._news.wait()
            self._news.clear()
            try:
                await self._speak_due()
                if session.samples is None and session.text.due(session.codes):
                    await self._transcript(await session.text.read(session.codes), final=False)
            except BusyError:
                continue  # What is skipped now comes with the next packets, or in the end.
        await self._finish(session.samples)

    async def _speak_due(self) -> None:
        session = self._session
        if self._opening.speech and session.speech is None and len(session.codes):
            await self._choose_voice()
        while session.speech is not None and session.samples is None and session.speech.due(session.codes):
            await self._sound(await session.speech.speak(session.codes))

    async def _finish(self, samples: int) -> None:
        session = self._session
        text = await session.text.read(session.codes, final=True)
        if self._opening.speech:
            if session.speech is None:
                await self._choose_voice()
            assert session.speech is not None
            await self._sound(await session.speech.finish(session.codes, samples))
        await self._transcript(text, final=True)
        session.end({"type": "done", "codes": len(session.codes), "samples": samples, "text": text})

    @property
    def _waits_for_voice(self) -> bool:
        """Whether the voice to speak in comes in the stream."""
        return self._opening.level is Level.IDENTITY and self._opening.voice is None

    async def _choose_voice(self) -> None:
        opening = self._opening
        voice = await asyncio.to_thread(
            self._cloud.voices.of_level, self._client.name, opening.level, opening.voice, self._session.sent
        )
        self._session.speech = IncrementalSpeech(self._cloud.engine, voice)

    async def _sound(self, speech: Any) -> None:
        if len(speech):
            with _noticing(self._socket):
                await self._socket.send_bytes(to_pcm16(speech).astype("<i2").tobytes())

    async def _transcript(self, text: str, final: bool) -> None:
        await self._send({"type": "transcript", "text": text, "final": final})

    async def _send(self, message: dict[str, Any]) -> None:
        with _noticing(self._socket):
            await self._socket.send_json(message)
