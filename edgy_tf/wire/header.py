"""The header of an ``.edgy`` stream: whose codes they are and how fast they come."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction

from edgy_tf.errors import WireError

MAGIC = b"EDGY"
VERSION = 1
NEEDS_PRIOR = 0x01

_FIELDS = struct.Struct("<4sBB8sIHBH")  # magic, version, flags, codebook, rate, samples a code, bits, K - 1
_CRC = struct.Struct("<I")
HEADER_SIZE = _FIELDS.size + _CRC.size


@dataclass(frozen=True)
class StreamHeader:
    """What a decoder must know before the first packet.

    Attributes:
        codebook_id: 16 lower-case hexadecimal digits.
        codebook_size: number of codes K, 2 to 65536.
        sample_rate: of the audio, in Hz.
        samples_per_code: audio samples a code stands for, 1 to 65535.
        needs_prior: packets may be entropy-coded, so that reading needs the codebook's prior.

    Raises:
        ValueError: a field is out of its range.
    """

    codebook_id: str
    codebook_size: int
    sample_rate: int
    samples_per_code: int
    needs_prior: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{16}", self.codebook_id):
            raise ValueError(f"codebook_id must be 16 lower-case hexadecimal digits, not {self.codebook_id!r}")
        limits = {
            "codebook_size": (2, 1 << 16),
            "sample_rate": (1, 2**32 - 1),
            "samples_per_code": (1, 2**16 - 1),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {getattr(self, name)}")

    @property
    def bits(self) -> int:
        """Bits of one packed code, 1 to 16."""
        return (self.codebook_size - 1).bit_length()

    @property
    def code_rate(self) -> Fraction:
        """Codes a second, exactly."""
        return Fraction(self.sample_rate, self.samples_per_code)

    def to_bytes(self) -> bytes:
        """The header as it begins a stream: ``HEADER_SIZE`` bytes."""
        fields = _FIELDS.pack(
            MAGIC,
            VERSION,
            NEEDS_PRIOR if self.needs_prior else 0,
            bytes.fromhex(self.codebook_id),
            self.sample_rate,
            self.samples_per_code,
            self.bits,
            self.codebook_size - 1,
        )
        return fields + _CRC.pack(zlib.crc32(fields))

    @classmethod
    def from_bytes(cls, data: bytes) -> StreamHeader:
        """Read the first ``HEADER_SIZE`` bytes of a stream.

        Raises:
            WireError: not an ``.edgy`` stream, of another version, or damaged.
        """
        magic, version, flags, codebook, rate, samples, bits, last_code = _FIELDS.unpack_from(data)
        if magic != MAGIC:
            raise WireError(f"not an .edgy stream: it begins with {magic!r}, not {MAGIC!r}", 0)
        if version != VERSION:
            raise WireError(f"stream of version {version}; this program reads version {VERSION}", 4)
        if _CRC.unpack_from(data, _FIELDS.size)[0] != zlib.crc32(data[: _FIELDS.size]):
            raise WireError("the header is damaged: its checksum does not match", 0)
        if flags & ~NEEDS_PRIOR:
            raise WireError(f"unknown flags 0x{flags:02x}", 5)
        try:
            header = cls(codebook.hex(), last_code + 1, rate, samples, bool(flags & NEEDS_PRIOR))
        except ValueError as error:
            raise WireError(f"impossible header: {error}", 14) from error
        if bits != header.bits:
            raise WireError(f"{header.codebook_size} codes take {header.bits} bits each, not {bits}", 20)
        return header
