import struct
import zlib
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.errors import WireError
from edgy_tf.wire import StreamHeader
from edgy_tf.wire.header import HEADER_SIZE

HEADERS = st.builds(
    StreamHeader,
    st.binary(min_size=8, max_size=8).map(bytes.hex),
    st.integers(2, 65536),
    st.integers(1, 2**32 - 1),
    st.integers(1, 65535),
    st.booleans(),
)


@given(HEADERS)
def test_round_trip(header: StreamHeader) -> None:
    data = header.to_bytes()
    assert len(data) == HEADER_SIZE == 27
    assert StreamHeader.from_bytes(data) == header


@pytest.mark.parametrize(("size", "bits"), [(2, 1), (3, 2), (4, 2), (256, 8), (257, 9), (512, 9), (65536, 16)])
def test_bits(size: int, bits: int) -> None:
    assert StreamHeader("0" * 16, size, 16000, 320).bits == bits


def test_code_rate_is_exact() -> None:
    assert StreamHeader("0" * 16, 512, 22050, 441 * 3).code_rate == Fraction(50, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"codebook_id": "ABCDEF0123456789"},
        {"codebook_id": "0123"},
        {"codebook_size": 1},
        {"codebook_size": 65537},
        {"sample_rate": 0},
        {"sample_rate": 2**32},
        {"samples_per_code": 0},
        {"samples_per_code": 65536},
    ],
)
def test_fields_out_of_range(fields: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "codebook_id": "0" * 16,
        "codebook_size": 512,
        "sample_rate": 16000,
        "samples_per_code": 320,
    }
    with pytest.raises(ValueError, match=next(iter(fields))):
        StreamHeader(**(good | fields))


@pytest.mark.parametrize(
    ("place", "value", "message", "offset"),
    [
        (0, b"RIFF", "begins with b'RIFF'", 0),
        (4, b"\x02", "version 2", 4),
        (5, b"\x82", "flags 0x82", 5),
        (14, bytes(4), "sample_rate", 14),
        (18, bytes(2), "samples_per_code", 14),
        (20, b"\x08", "512 codes take 9 bits each, not 8", 20),
        (21, bytes(2), "codebook_size", 14),
    ],
)
def test_damage_that_the_checksum_does_not_see(
    header: StreamHeader, place: int, value: bytes, message: str, offset: int
) -> None:
    fields = bytearray(header.to_bytes()[:-4])
    fields[place : place + len(value)] = value
    with pytest.raises(WireError, match=message) as caught:
        StreamHeader.from_bytes(bytes(fields) + struct.pack("<I", zlib.crc32(fields)))
    assert caught.value.offset == offset


def test_damage_that_the_checksum_sees(header: StreamHeader) -> None:
    data = header.to_bytes()
    with pytest.raises(WireError, match="checksum"):
        StreamHeader.from_bytes(data[:8] + b"\xff" + data[9:])
