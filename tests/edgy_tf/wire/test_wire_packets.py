import struct
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgy_tf.errors import WireError
from edgy_tf.wire import CodesPacket, EndPacket, Prior, SpeakerPacket, StreamHeader
from edgy_tf.wire.packets import HEAD, OVERHEAD, Kind, Packet, check_crc, frame, packet_size, parse_body


def parse(data: bytes, header: StreamHeader, prior: Prior | None = None, offset: int = 0) -> Packet | None:
    assert packet_size(data[: HEAD.size], header, offset) == len(data)
    check_crc(data, offset)
    kind, sequence, _ = HEAD.unpack_from(data)
    return parse_body(kind, sequence, data[HEAD.size : -4], header, offset + HEAD.size, prior)


@given(st.data(), st.integers(2, 65536), st.integers(0, 2**32 - 1))
def test_codes_round_trip(data: st.DataObject, size: int, sequence: int) -> None:
    header = StreamHeader("0" * 16, size, 16000, 320)
    codes = data.draw(arrays(np.int32, st.integers(1, 255), elements=st.integers(0, size - 1)))
    packet = parse(CodesPacket(sequence, codes).to_bytes(header), header)
    assert isinstance(packet, CodesPacket)
    assert packet.sequence == sequence
    assert packet.codes.dtype == np.int32
    assert np.array_equal(packet.codes, codes)


@given(arrays(np.float32, st.integers(1, 300), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_speaker_round_trip(embedding: npt.NDArray[np.float32]) -> None:
    packet = parse(SpeakerPacket(3, embedding).to_bytes(), StreamHeader("0" * 16, 2, 1, 1))
    assert isinstance(packet, SpeakerPacket)
    assert np.array_equal(packet.embedding, embedding)


def test_speaker_takes_two_bytes_a_number_where_that_loses_nothing() -> None:
    numbers = np.random.default_rng(0).normal(size=256)
    assert len(SpeakerPacket(0, numbers.astype(np.float16)).to_bytes()) == OVERHEAD + 1 + 512
    assert len(SpeakerPacket(0, numbers.astype(np.float32)).to_bytes()) == OVERHEAD + 1 + 1024


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_end_round_trip(codes: int, samples: int) -> None:
    packet = EndPacket(9, codes, samples)
    assert parse(packet.to_bytes(), StreamHeader("0" * 16, 2, 1, 1)) == packet


def test_overhead_of_one_second(header: StreamHeader) -> None:
    assert len(CodesPacket(0, np.zeros(50, np.int32)).to_bytes(header)) == 57 + 12


def test_entropy_coding_only_where_it_pays(header: StreamHeader, unigram: Prior) -> None:
    announced = replace(header, needs_prior=True)
    likely = np.full(50, unigram.counts.argmax(), np.int32)
    unlikely = np.full(50, unigram.counts.argmin(), np.int32)
    for codes, kind in ((likely, Kind.CODES_ENTROPY), (unlikely, Kind.CODES)):
        data = CodesPacket(0, codes).to_bytes(announced, unigram)
        assert data[0] == kind
        assert len(data) <= len(CodesPacket(0, codes).to_bytes(announced))
        packet = parse(data, announced, unigram)
        assert isinstance(packet, CodesPacket)
        assert np.array_equal(packet.codes, codes)


@pytest.mark.parametrize("name", ["unigram", "bigram"])
def test_each_entropy_coded_packet_decodes_alone(
    header: StreamHeader, name: str, request: pytest.FixtureRequest
) -> None:
    prior = request.getfixturevalue(name)
    announced = replace(header, needs_prior=True)
    rows = [np.arange(start, 512, 16, dtype=np.int32) // 16 * 16 for start in range(3)]
    packets = [CodesPacket(i, row).to_bytes(announced, prior) for i, row in enumerate(rows)]
    for i in (2, 0, 1):
        packet = parse(packets[i], announced, prior)
        assert isinstance(packet, CodesPacket)
        assert np.array_equal(packet.codes, rows[i])


@pytest.mark.parametrize("codes", [[], [0] * 256, [512], [-1], [0.5]])
def test_codes_that_no_packet_holds(header: StreamHeader, codes: npt.ArrayLike) -> None:
    with pytest.raises(ValueError, match=r"codes"):
        CodesPacket(0, np.array(codes)).to_bytes(header)


@pytest.mark.parametrize("embedding", [[], [np.nan], [np.inf], [[1.0]], [0.0] * 4097])
def test_embeddings_that_no_packet_holds(embedding: npt.ArrayLike) -> None:
    with pytest.raises(ValueError, match="speaker embedding"):
        SpeakerPacket(0, np.array(embedding, np.float32)).to_bytes()


@pytest.mark.parametrize("sequence", [-1, 2**32])
def test_sequence_numbers_that_no_packet_holds(sequence: int) -> None:
    with pytest.raises(ValueError, match="packets"):
        EndPacket(sequence, 0, 0).to_bytes()


@pytest.mark.parametrize(
    ("kind", "length"),
    [(1, 0), (1, 1), (1, 289), (1, 65535), (2, 0), (2, 288), (3, 15), (3, 17), (0x81, 2), (0x81, 16386)],
)
def test_lengths_are_refused_before_their_bytes_come(header: StreamHeader, kind: int, length: int) -> None:
    with pytest.raises(WireError, match=f"not {length} ") as caught:
        packet_size(HEAD.pack(kind, 0, length), header, 100)
    assert caught.value.offset == 105


@pytest.mark.parametrize("kind", [0x00, 0x04, 0x7F])
def test_unknown_kinds_are_refused(header: StreamHeader, kind: int) -> None:
    with pytest.raises(WireError, match=f"unknown kind 0x{kind:02x}"):
        packet_size(HEAD.pack(kind, 0, 4), header, 0)


@pytest.mark.parametrize("length", [0, 5, 65535])
def test_unknown_kinds_are_skipped_if_they_may(header: StreamHeader, length: int) -> None:
    assert parse(frame(0xC0, 0, bytes(length)), header) is None


def half(*numbers: float) -> bytes:
    return b"\x02" + struct.pack(f"<{len(numbers)}e", *numbers)


@pytest.mark.parametrize(
    ("kind", "body", "message", "offset"),
    [
        (Kind.CODES, b"\x00\x00", "holds none", 0),
        (Kind.CODES, b"\x02\x00\x00", "take 3 bytes, not 2", 1),
        (Kind.CODES, b"\x01\x00\x01", "after the last code", 2),
        (Kind.CODES, b"\x01\xff\x80", "code 511 in a codebook of 500", 1),
        (Kind.CODES_ENTROPY, b"\x00", "holds none", 0),
        (Kind.CODES_ENTROPY, b"\x09\x00", "header announces none", 0),
        (Kind.SPEAKER, b"\x03\x00\x00\x00", "3 bytes, 3 a number", 0),
        (Kind.SPEAKER, b"\x04\x00\x00\x00", "3 bytes, 4 a number", 0),
        (Kind.SPEAKER, half(1.0, float("nan")), "finite", 1),
        (Kind.SPEAKER, half(float("inf")), "finite", 1),
        (Kind.SPEAKER, half(*[0.0] * 4097), "1 to 4096", 1),
    ],
)
def test_bodies_that_no_writer_writes(header: StreamHeader, kind: int, body: bytes, message: str, offset: int) -> None:
    with pytest.raises(WireError, match=message) as caught:
        parse_body(kind, 0, body, replace(header, codebook_size=500), 50)
    assert caught.value.offset == 50 + offset


def test_an_entropy_coded_body_needs_the_prior_of_its_codebook(header: StreamHeader, unigram: Prior) -> None:
    announced = replace(header, needs_prior=True)
    other = Prior("f" * 16, unigram.counts)
    smaller = Prior(header.codebook_id, unigram.counts[:256])
    for prior in (None, other, smaller):
        with pytest.raises(WireError, match=f"prior of codebook {header.codebook_id}"):
            parse_body(Kind.CODES_ENTROPY, 0, b"\x09\x00", announced, 0, prior)


def test_an_entropy_coded_body_must_save_something(header: StreamHeader, unigram: Prior) -> None:
    with pytest.raises(WireError, match="save nothing"):
        parse_body(Kind.CODES_ENTROPY, 0, b"\x01\x00\x00", replace(header, needs_prior=True), 0, unigram)
