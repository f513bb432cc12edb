"""Packets: a tiny dataclass for each kind, to bytes and back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import WireError
from edgy_tf.wire import bits, entropy
from edgy_tf.wire.bits import Codes
from edgy_tf.wire.entropy import Prior
from edgy_tf.wire.header import StreamHeader

MAX_CODES = 255
MAX_SPEAKER = 4096
SKIPPABLE = 0x80

HEAD = struct.Struct("<BIH")  # kind, sequence, length of the body
_CRC = struct.Struct("<I")
_TOTALS = struct.Struct("<QQ")  # codes, samples
OVERHEAD = HEAD.size + _CRC.size


class Kind(IntEnum):
    """First byte of a packet; a reader that does not know a kind may skip it if bit 7 is set."""

    CODES = 0x01
    CODES_ENTROPY = 0x02
    END = 0x03
    SPEAKER = 0x81


HEADER_NAME = "header"
_NAMES: dict[int, str] = {
    Kind.CODES: "codes",
    Kind.CODES_ENTROPY: "codes",
    Kind.END: "end",
    Kind.SPEAKER: "speaker vector",
}


def kind_name(packet: bytes) -> str:
    """What disclosure ledger, server and pages call packets of this one's kind; "other" for one that is skipped."""
    return _NAMES.get(packet[0], "other")


@dataclass(frozen=True, eq=False)
class CodesPacket:
    """The next 1 to 255 codes: int32 [n]."""

    sequence: int
    codes: Codes

    def to_bytes(self, header: StreamHeader, prior: Prior | None = None) -> bytes:
        """The packet, entropy-coded if there is a prior and that is shorter.

        Raises:
            ValueError: too many codes, none, or codes that are not the codebook's.
            MissingDependencyError: a prior is given and constriction is not installed.
        """
        codes = bits.check_codes(self.codes, header.codebook_size)
        if not 1 <= len(codes) <= MAX_CODES:
            raise ValueError(f"a packet holds 1 to {MAX_CODES} codes, not {len(codes)}")
        kind, coded = Kind.CODES, bits.pack(codes, header.bits)
        if prior is not None:
            shorter = entropy.encode(codes, prior)
            if len(shorter) < len(coded):
                kind, coded = Kind.CODES_ENTROPY, shorter
        return frame(kind, self.sequence, bytes([len(codes)]) + coded)


@dataclass(frozen=True, eq=False)
class SpeakerPacket:
    """The voice to decode with, as a speaker embedding: finite float32 [1 to 4096]."""

    sequence: int
    embedding: npt.NDArray[np.float32]

    def to_bytes(self) -> bytes:
        """The packet; its numbers take two bytes each if float16 holds them all exactly, else four.

        Raises:
            ValueError: not a row of 1 to 4096 finite numbers.
        """
        full = np.asarray(self.embedding).astype("<f4")
        if full.ndim != 1 or not 1 <= len(full) <= MAX_SPEAKER or not np.isfinite(full).all():
            raise ValueError(f"a speaker embedding is a row of 1 to {MAX_SPEAKER} finite numbers")
        with np.errstate(over="ignore"):  # a number too large for float16 becomes inf, which is not equal
            half = full.astype("<f2")
        numbers = half if np.array_equal(half, full) else full
        return frame(Kind.SPEAKER, self.sequence, bytes([numbers.itemsize]) + numbers.tobytes())


@dataclass(frozen=True)
class EndPacket:
    """The last packet: how many codes the stream held, and how many audio samples they stand for."""

    sequence: int
    codes: int
    samples: int

    def to_bytes(self) -> bytes:
        """The packet."""
        return frame(Kind.END, self.sequence, _TOTALS.pack(self.codes, self.samples))


Packet = CodesPacket | SpeakerPacket | EndPacket


def frame(kind: int, sequence: int, body: bytes) -> bytes:
    """A whole packet around ``body``: head, body, checksum.

    Raises:
        ValueError: the sequence number does not fit 32 bits.
    """
    if not 0 <= sequence < 2**32:
        raise ValueError(f"a stream holds at most 2**32 packets; this is number {sequence}")
    packet = HEAD.pack(kind, sequence, len(body)) + body
    return packet + _CRC.pack(zlib.crc32(packet))


def packet_size(head: bytes | bytearray, header: StreamHeader, offset: int) -> int:
    """Bytes of the packet that begins with ``head``, at ``offset`` of the stream.

    Raises:
        WireError: a kind that must not be skipped, or a length that the kind cannot have.
    """
    kind, _, length = HEAD.unpack(head)
    most = bits.packed_size(MAX_CODES, header.bits)
    limits = {
        Kind.CODES: (2, 1 + most),
        Kind.CODES_ENTROPY: (1, most),
        Kind.END: (_TOTALS.size, _TOTALS.size),
        Kind.SPEAKER: (3, 1 + 4 * MAX_SPEAKER),
    }
    if kind not in limits and not kind & SKIPPABLE:
        raise WireError(f"packet of unknown kind 0x{kind:02x}", offset)
    low, high = limits.get(kind, (0, 2**16 - 1))
    if not low <= length <= high:
        raise WireError(f"a packet of kind 0x{kind:02x} has {low} to {high} bytes, not {length}", offset + 5)
    return OVERHEAD + length


def check_crc(packet: bytes, offset: int) -> None:
    """Compare a whole packet with its checksum.

    Raises:
        WireError: they do not match.
    """
    if _CRC.unpack(packet[-_CRC.size :])[0] != zlib.crc32(packet[: -_CRC.size]):
        raise WireError("the packet is damaged: its checksum does not match", offset)


def parse_body(
    kind: int, sequence: int, body: bytes, header: StreamHeader, offset: int, prior: Prior | None = None
) -> Packet | None:
    """What a packet's body says, or None for a kind to be skipped.

    Args:
        kind: of the packet.
        sequence: of the packet.
        body: of a length that ``packet_size`` allows.
        header: of the stream.
        offset: where the body lies in the stream.
        prior: of the codebook, for entropy-coded packets.

    Raises:
        WireError: a body that no writer writes, or an entropy-coded one without the codebook's prior.
        MissingDependencyError: an entropy-coded body, and constriction is not installed.
    """
    match kind:
        case Kind.CODES | Kind.CODES_ENTROPY:
            return CodesPacket(sequence, _parse_codes(Kind(kind), body, header, offset, prior))
        case Kind.SPEAKER:
            return SpeakerPacket(sequence, _parse_speaker(body, offset))
        case Kind.END:
            return EndPacket(sequence, *_TOTALS.unpack(body))
    return None


def _parse_codes(kind: Kind, body: bytes, header: StreamHeader, offset: int, prior: Prior | None) -> Codes:
    count, coded = body[0], body[1:]
    if count == 0:
        raise WireError("a packet of codes holds none", offset)
    if kind is Kind.CODES:
        codes = bits.unpack(coded, count, header.bits, offset + 1)
        if codes.max() >= header.codebook_size:
            raise WireError(f"code {codes.max()} in a codebook of {header.codebook_size}", offset + 1)
        return codes
    if not header.needs_prior:
        raise WireError("an entropy-coded packet in a stream whose header announces none", offset)
    if prior is None or (prior.codebook_id, prior.size) != (header.codebook_id, header.codebook_size):
        raise WireError(f"reading this stream needs the prior of codebook {header.codebook_id}", offset)
    if len(coded) >= bits.packed_size(count, header.bits):
        raise WireError(f"{len(coded)} bytes of entropy-coded codes save nothing", offset + 1)
    return entropy.decode(coded, count, prior, offset + 1)


def _parse_speaker(body: bytes, offset: int) -> npt.NDArray[np.float32]:
    width = body[0]
    if width not in (2, 4) or (len(body) - 1) % width:
        raise WireError(f"a speaker embedding of {len(body) - 1} bytes, {width} a number", offset)
    numbers = np.frombuffer(body, f"<f{width}", offset=1).astype(np.float32)
    if len(numbers) > MAX_SPEAKER or not np.isfinite(numbers).all():
        raise WireError(f"a speaker embedding must be 1 to {MAX_SPEAKER} finite numbers", offset + 1)
    return numbers
