"""Streams on the server: what has come of each, and how it outlives its connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from edgy_tf.errors import WireError
from edgy_tf.serve.auth import Client
from edgy_tf.serve.engine import Codes, Engine, Floats
from edgy_tf.serve.incremental import IncrementalSpeech, IncrementalText
from edgy_tf.serve.refusals import BusyError, RefusalError, TooLargeError, TooManyError
from edgy_tf.serve.settings import Settings
from edgy_tf.wire import CodesPacket, EndPacket, SpeakerPacket, StreamReader
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import HEAD, HEADER_NAME, kind_name, packet_size


class Session:
    """One stream as it comes, packet by packet.

    Args:
        engine: of its codebook.
        max_codes: that it may hold.

    Attributes:
        next: sequence number of the packet that is expected.
        samples: of the audio, once END has come.
        sent: the voice that came in the stream.
        text: its words so far.
        speech: its speech so far, if that was asked for.
        result: the message that it ended with, once it has.
    """

    def __init__(self, engine: Engine, max_codes: int) -> None:
        self.next = 0
        self.samples: int | None = None
        self.sent: Floats | None = None
        self.text = IncrementalText(engine)
        self.speech: IncrementalSpeech | None = None
        self.result: dict[str, Any] | None = None
        self._engine = engine
        self._max_codes = max_codes
        self._reader = StreamReader(engine.prior)
        self._header: bytes | None = None
        self._codes = np.empty(0, np.int32)
        self._claim: asyncio.Event | None = None
        self._lock = asyncio.Lock()

    @property
    def codes(self) -> Codes:
        """All codes that have come."""
        return self._codes

    @property
    def connected(self) -> bool:
        """Whether a connection has it."""
        return self._lock.locked()

    @asynccontextmanager
    async def claimed(self) -> AsyncIterator[asyncio.Event]:
        """Have the stream for a connection. The event is set when a newer connection wants it: the device has moved on.

        Raises:
            RefusalError: a newer one wanted it before this one had it.
        """
        mine, older = asyncio.Event(), self._claim
        self._claim = mine
        if older is not None:
            older.set()
        async with self._lock:
            if mine.is_set():
                raise RefusalError("a newer connection has this stream")
            yield mine

    def take(self, message: bytes) -> bool:
        """Take a header or one whole packet; a repeated packet changes nothing.

        Returns:
            whether anything new came.

        Raises:
            WireError: it is neither, or not the one that is expected.
            CodebookMismatchError: the stream is of another codebook.
            TooLargeError: the stream holds too many codes.
        """
        if self._header is None:
            return self._take_header(message)
        # A device that connects again begins with the header again. No packet begins like it.
        if message == self._header:
            self._count(HEADER_NAME, message)
            return False
        if len(message) < HEAD.size:
            raise WireError("a message is not a whole packet", 0)
        assert self._reader.header is not None
        if packet_size(message[: HEAD.size], self._reader.header, 0) != len(message):
            raise WireError("a message is not one whole packet", 0)
        # Repeated ones too, so that the devices' disclosure ledgers hold the same number.
        self._count(kind_name(message), message)
        if HEAD.unpack_from(message)[1] < self.next:
            return False
        for packet in self._reader.feed(message):
            match packet:
                case CodesPacket():
                    self._codes = np.concatenate([self._codes, packet.codes])
                    self._engine.metrics.codes.inc(len(packet.codes))
                case SpeakerPacket():
                    self.sent = packet.embedding
                case EndPacket():
                    self.samples = packet.samples
        self.next += 1
        if len(self._codes) > self._max_codes:
            raise TooLargeError(f"a stream may hold {self._max_codes} codes; end it and open another")
        return True

    def _take_header(self, message: bytes) -> bool:
        if len(message) != HEADER_SIZE:
            raise WireError(f"a stream begins with a message of {HEADER_SIZE} bytes, its header", 0)
        for _ in self._reader.feed(message):
            pass
        assert self._reader.header is not None
        self._engine.check(self._reader.header)
        self._header = message
        self._count(HEADER_NAME, message)
        return False

    def _count(self, kind: str, message: bytes) -> None:
        self._engine.metrics.bytes.labels(kind).inc(len(message))

    def end(self, result: dict[str, Any]) -> None:
        """Keep nothing but the result."""
        self.result = result
        self._codes, self.sent, self.speech = np.empty(0, np.int32), None, None


class Streams:
    """All streams of a server by client and id, in memory, for a bounded time and in bounded number.

    Args:
        engine: of their codebook.
        settings: limits.
        clock: seconds, never going back.
    """

    def __init__(self, engine: Engine, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._sessions: dict[tuple[str, str], Session] = {}
        self._left: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    @asynccontextmanager
    async def opened(self, client: Client, stream: str) -> AsyncIterator[tuple[Session, asyncio.Event]]:
        """A stream, new or as it was left, and the event that says that a newer connection wants it.

        Raises:
            TooManyError: the client has as many open as it may.
            BusyError: the server has.
        """
        key = (client.name, stream)
        self.expire()
        session = self._sessions.get(key) or self._admit(key, client)
        async with session.claimed() as moved_on:
            self._left.pop(key, None)
            try:
                yield session, moved_on
            finally:
                if self._sessions.get(key) is session:
                    self._left[key] = self._clock()
                    if not session.next:
                        self._drop(key)

    def forget(self, client: Client, stream: str) -> None:
        """Drop a stream that cannot go on."""
        self._sessions.pop((client.name, stream), None)
        self._left.pop((client.name, stream), None)

    def expire(self) -> None:
        """Drop the streams whose time is over."""
        oldest = self._clock() - self._settings.resume_seconds
        for key in [key for key, left in self._left.items() if left < oldest]:
            self._drop(key)

    def _admit(self, key: tuple[str, str], client: Client) -> Session:
        open_ones = [k for k, s in self._sessions.items() if k[0] == client.name and s.connected]
        if client.streams is not None and len(open_ones) >= client.streams:
            raise TooManyError(f"a client may have {client.streams} streams open; end one first", 1)
        if self._engine.full:
            raise BusyError("the server is at its capacity; come back later", 5)
        while len(self._sessions) >= self._settings.streams:
            if not self._left:
                raise BusyError("the server has as many streams as it can; come back later", 5)
            # Those that have ended first, for they lose nothing; then those that were left longest ago.
            self._drop(min(self._left, key=lambda k: (self._sessions[k].result is None, self._left[k])))
        max_codes = int(self._settings.max_seconds * self._engine.code_rate)
        session = self._sessions[key] = Session(self._engine, max_codes)
        return session

    def _drop(self, key: tuple[str, str]) -> None:
        del self._left[key], self._sessions[key]
