"""The ``.edgy`` wire format: codes as bytes, described in ``docs/wire-format.md``. Needs NumPy alone."""

from edgy_tf.wire.entropy import Prior, measure
from edgy_tf.wire.header import StreamHeader
from edgy_tf.wire.packets import CodesPacket, EndPacket, Packet, SpeakerPacket
from edgy_tf.wire.reader import StreamReader
from edgy_tf.wire.stream import Stream, bits_per_second, bytes_by_kind, read_header, read_stream, write_stream
from edgy_tf.wire.writer import StreamWriter

__all__ = [
    "CodesPacket",
    "EndPacket",
    "Packet",
    "Prior",
    "SpeakerPacket",
    "Stream",
    "StreamHeader",
    "StreamReader",
    "StreamWriter",
    "bits_per_second",
    "bytes_by_kind",
    "measure",
    "read_header",
    "read_stream",
    "write_stream",
]
