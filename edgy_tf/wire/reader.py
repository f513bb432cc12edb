"""Reading a stream as its bytes come."""

from __future__ import annotations

from collections.abc import Iterator

from edgy_tf.errors import WireError
from edgy_tf.wire.entropy import Prior
from edgy_tf.wire.header import HEADER_SIZE, StreamHeader
from edgy_tf.wire.packets import (
    HEAD,
    CodesPacket,
    EndPacket,
    Packet,
    SpeakerPacket,
    check_crc,
    packet_size,
    parse_body,
)


class StreamReader:
    """Reads a stream as its bytes come; however they are cut, the same packets follow.

    Args:
        prior: of the stream's codebook, to read entropy-coded packets.

    Attributes:
        header: None until its bytes have come.
    """

    def __init__(self, prior: Prior | None = None) -> None:
        self.header: StreamHeader | None = None
        self._prior = prior
        self._buffer = bytearray()
        self._offset = 0
        self._sequence = 0
        self._codes = 0
        self._has_speaker = False
        self._ended = False
        self._error: WireError | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Packet]:
        """Take bytes and give the packets that are complete, one after another.

        Bytes are parsed as the iterator advances, so the packets before an error come first. After an error
        every call raises it again.

        Raises:
            WireError: the bytes are no valid stream, or need a prior that the reader was not given.
            MissingDependencyError: an entropy-coded packet, and constriction is not installed.
        """
        self._raise_again()
        self._buffer += data
        return self._parse()

    def finish(self) -> None:
        """Say that no more bytes come, once every packet has been taken from ``feed``.

        Raises:
            WireError: the stream is not complete.
        """
        self._raise_again()
        if not self._ended:
            where = "inside its header" if self.header is None else "without an END packet"
            raise WireError(f"the stream is truncated: it ends {where}", self._offset + len(self._buffer))

    def _raise_again(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)

    def _parse(self) -> Iterator[Packet]:
        self._raise_again()
        try:
            if self.header is None:
                if len(self._buffer) < HEADER_SIZE:
                    return
                self.header = StreamHeader.from_bytes(self._take(HEADER_SIZE))
            while len(self._buffer) >= HEAD.size or (self._ended and self._buffer):
                if self._ended:
                    raise WireError("bytes after the END packet", self._offset)
                size = packet_size(self._buffer[: HEAD.size], self.header, self._offset)
                if len(self._buffer) < size:
                    return
                packet = self._read_packet(size, self.header)
                if packet is not None:
                    yield packet
        except WireError as error:
            self._error = error
            self._buffer.clear()
            raise

    def _read_packet(self, size: int, header: StreamHeader) -> Packet | None:
        start, inside, data = self._offset, self._offset + HEAD.size, bytes(self._buffer[:size])
        check_crc(data, start)
        kind, sequence, length = HEAD.unpack_from(data)
        if sequence != self._sequence:
            what = "missing packets" if sequence > self._sequence else "a packet came twice"
            raise WireError(f"{what}: expected number {self._sequence}, found {sequence}", start + 1)
        body = data[HEAD.size : HEAD.size + length]
        packet = parse_body(kind, sequence, body, header, inside, self._prior)
        match packet:
            case CodesPacket():
                self._codes += len(packet.codes)
            case SpeakerPacket():
                if self._has_speaker:
                    raise WireError("a second speaker embedding", start)
                self._has_speaker = True
            case EndPacket():
                if packet.codes != self._codes:
                    raise WireError(f"the stream held {self._codes} codes, not {packet.codes}", inside)
                if packet.samples > self._codes * header.samples_per_code:
                    raise WireError(f"{packet.samples} samples are more than the codes", inside + 8)
                self._ended = True
        self._take(size)
        self._sequence += 1
        return packet

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]  # CPython moves the start instead of the bytes, so a huge chunk stays linear
        self._offset += size
        return data
