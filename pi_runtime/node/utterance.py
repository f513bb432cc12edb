"""An utterance on its way out: one stream, appended to by the thread that listens, followed by the loop that sends."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from edgy_tf.errors import UplinkError, WireError
from edgy_tf.wire import CodesPacket, EndPacket, StreamHeader, StreamReader
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import HEAD, Kind, packet_size
from pi_runtime.node.levels import Level


class Bell:
    """Wakes one waiting coroutine from any thread."""

    def __init__(self) -> None:
        self._rung = False
        self._listener: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def ring(self) -> None:
        """Wake whoever waits, or the next one to wait."""
        self._rung = True
        if listener := self._listener:
            loop, event = listener
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        """Return once the bell has rung since the last wait."""
        event = asyncio.Event()
        self._listener = asyncio.get_running_loop(), event
        try:
            if not self._rung:
                await event.wait()
            self._rung = False
        finally:
            self._listener = None


@dataclass(eq=False)
class Utterance:
    """One stream, whole or still growing.

    Attributes:
        level: privacy level, as it was when the utterance began.
        stream: id of the stream, 32 hexadecimal digits.
        header: its first 27 bytes.
        packets: those so far; the place of a packet is its sequence number.
        ended: END is among them.
        dropped: it will not grow any more, nor is it wanted.
    """

    level: Level
    stream: str = field(default_factory=lambda: uuid.uuid4().hex)
    header: bytes = b""
    packets: list[bytes] = field(default_factory=list)
    ended: bool = False
    dropped: bool = False
    _bell: Bell = field(default_factory=Bell)

    @classmethod
    def from_bytes(cls, data: bytes, level: Level, stream: str) -> Utterance:
        """An utterance that a stopped process left behind. Where END is missing, it ends after its last whole packet.

        Raises:
            WireError: the bytes are damaged, or hold no codes.
        """
        reader, codes, packets, ended = StreamReader(), 0, [], False
        list(reader.feed(data[:HEADER_SIZE]))
        if reader.header is None:
            reader.finish()
        assert reader.header is not None
        at = HEADER_SIZE
        while len(data) - at >= HEAD.size:
            size = packet_size(data[at : at + HEAD.size], reader.header, at)
            if len(data) - at < size:
                break
            packets.append(data[at : at + size])
            for packet in reader.feed(packets[-1]):
                codes += len(packet.codes) if isinstance(packet, CodesPacket) else 0
                ended = ended or isinstance(packet, EndPacket)
            at += size
        if ended and at < len(data):
            raise WireError("bytes after the END packet", at)
        if not codes:
            raise WireError("the stream holds no codes", at)
        if not ended:
            packets.append(EndPacket(len(packets), codes, codes * reader.header.samples_per_code).to_bytes())
        return cls(level, stream, data[:HEADER_SIZE], packets, ended=True)

    @property
    def codes(self) -> int:
        """Number of codes so far."""
        return sum(p[HEAD.size] for p in self.packets if p[0] in (Kind.CODES, Kind.CODES_ENTROPY))

    @property
    def seconds(self) -> float:
        """Seconds of sound that the codes so far stand for."""
        return float(self.codes / StreamHeader.from_bytes(self.header).code_rate) if self.header else 0.0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return len(self.header) + sum(map(len, self.packets))

    def append(self, data: bytes) -> None:
        """Take the header, then packets, as `edgy_tf.wire.StreamWriter` hands them out."""
        if not self.header:
            self.header = data
        else:
            self.packets.append(data)
            self.ended = data[0] == Kind.END
        self._bell.ring()

    def drop(self) -> None:
        """Tell who follows that the utterance is not wanted any more."""
        self.dropped = True
        self._bell.ring()

    async def follow(self, start: int = 0) -> AsyncIterator[bytes]:
        """The header, then the packets from number ``start`` on, each as soon as it is there, up to END.

        Raises:
            UplinkError: the utterance was dropped.
        """
        header_given = False
        while True:
            ended = self.ended
            if self.dropped:
                raise UplinkError("the utterance was dropped")
            if self.header and not header_given:
                header_given = True
                yield self.header
            while start < len(self.packets):
                yield self.packets[start]
                start += 1
            if ended:
                return
            if start == len(self.packets):
                await self._bell.wait()
