import os
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.errors import WireError
from edgy_tf.wire import (
    CodesPacket,
    EndPacket,
    Prior,
    SpeakerPacket,
    Stream,
    StreamHeader,
    StreamReader,
    StreamWriter,
    bits_per_second,
    bytes_by_kind,
    read_stream,
    write_stream,
)
from edgy_tf.wire.packets import Packet, frame

# Version 1 of the format, for ever; docs/wire-format.md explains the first.
GOLDEN_PACKED = """
    45444759 01 00 0123456789abcdef 803e0000 4001 09 ff01 340f11cb
    81 00000000 0500 02 0038 00bc a8d2e040
    01 01000000 0500 03 00191900 503191bc
    01 02000000 0400 02 967fc0 47573955
    03 03000000 1000 0500000000000000 dc05000000000000 c37d4d6a
"""
GOLDEN_UNIGRAM = """
    45444759 01 01 0123456789abcdef 803e0000 4001 09 ff01 d5b94324
    02 00000000 0900 08 ffd4dc4107791997 2fbabae1
    02 01000000 0100 01 0189b5f7
    03 02000000 1000 0900000000000000 400b000000000000 281057f2
"""
GOLDEN_BIGRAM = """
    45444759 01 01 0123456789abcdef 803e0000 4001 09 ff01 d5b94324
    02 00000000 0400 08 03583d c0478245
    03 01000000 1000 0800000000000000 000a000000000000 a0e5adea
"""


def build(
    header: StreamHeader,
    codes: npt.ArrayLike,
    speaker: npt.ArrayLike | None = None,
    samples: int | None = None,
    per_packet: int = 50,
    prior: Prior | None = None,
) -> bytes:
    file = BytesIO()
    writer = StreamWriter(file, header, per_packet, prior)
    if speaker is not None:
        writer.write_speaker(speaker)
    writer.write(codes)
    writer.close(samples)
    assert writer.bytes_written == len(file.getvalue())
    return file.getvalue()


def plain(packet: Packet) -> tuple[Any, ...]:
    match packet:
        case CodesPacket():
            return "codes", packet.sequence, packet.codes.tolist()
        case SpeakerPacket():
            return "speaker", packet.sequence, packet.embedding.tolist()
        case EndPacket():
            return "end", packet.sequence, packet.codes, packet.samples


def read_in_chunks(data: bytes, cuts: list[int], prior: Prior | None = None) -> list[tuple[Any, ...]]:
    """Every packet, and the error at the end if there is one."""
    seen: list[tuple[Any, ...]] = []
    reader = StreamReader(prior)
    try:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            seen += map(plain, reader.feed(data[start:end]))
        reader.finish()
    except WireError as error:
        seen.append((str(error), error.offset))
    return seen


@pytest.fixture(scope="module")
def small(header: StreamHeader) -> bytes:
    return build(header, np.arange(0, 512, 37), np.arange(6) / 2, samples=14 * 320 - 100, per_packet=5)


@given(st.data(), st.integers(2, 65536), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_round_trip(data: st.DataObject, size: int, per_packet: int) -> None:
    header = StreamHeader("fedcba9876543210", size, 22050, 441)
    codes = data.draw(st.lists(st.integers(0, size - 1), max_size=700))
    samples = data.draw(st.none() | st.integers(0, 441 * len(codes)))
    stream = read_stream(build(header, codes, None, samples, per_packet))
    assert stream.header == header
    assert stream.codes.dtype == np.int32
    assert stream.codes.tolist() == codes
    assert stream.speaker is None
    assert stream.samples == (441 * len(codes) if samples is None else samples)


@given(st.lists(st.lists(st.integers(0, 511), max_size=120), max_size=8), st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_any_cutting_of_the_codes_gives_the_same_bytes(
    header: StreamHeader, rows: list[list[int]], per_packet: int
) -> None:
    data = bytearray()
    writer = StreamWriter(data.extend, header, per_packet)
    for row in rows:
        writer.write(row)
    writer.close()
    assert bytes(data) == build(header, [code for row in rows for code in row], per_packet=per_packet)


@given(data=st.data(), damage=st.none() | st.tuples(st.integers(0, 250), st.integers(1, 255)))
@settings(max_examples=150, deadline=None)
def test_any_cutting_of_the_bytes_gives_the_same_packets_and_error(
    small: bytes, data: st.DataObject, damage: tuple[int, int] | None
) -> None:
    if damage is not None:
        damaged = bytearray(small)
        damaged[damage[0] % len(small)] ^= damage[1]
        small = bytes(damaged)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(small)), max_size=20)))
    whole = read_in_chunks(small, [])
    assert read_in_chunks(small, cuts) == whole
    assert read_in_chunks(small, list(range(len(small)))) == whole


@pytest.mark.parametrize("name", ["unigram", "bigram"])
def test_entropy_coded_round_trip(header: StreamHeader, name: str, request: pytest.FixtureRequest) -> None:
    prior = request.getfixturevalue(name)
    codes = np.random.default_rng(0).choice(512, 1000, p=prior.frequencies(None) / 2**24)
    data = build(header, codes, prior=prior)
    assert len(data) < len(build(header, codes))
    stream = read_stream(data, prior)
    assert stream.header == replace(header, needs_prior=True)
    assert np.array_equal(stream.codes, codes)
    with pytest.raises(WireError, match=f"prior of codebook {header.codebook_id}"):
        read_stream(data)
    assert read_in_chunks(data, [100, 101, 500], prior) == read_in_chunks(data, [], prior)


def test_every_flipped_bit_is_an_error_inside_the_stream(small: bytes) -> None:
    for place in range(len(small)):
        for bit in range(8):
            damaged = bytearray(small)
            damaged[place] ^= 1 << bit
            with pytest.raises(WireError) as caught:
                read_stream(bytes(damaged))
            assert 0 <= caught.value.offset <= len(small)


def test_every_truncation_is_an_error_at_its_end(small: bytes) -> None:
    for size in range(len(small)):
        with pytest.raises(WireError, match="truncated") as caught:
            read_stream(small[:size])
        assert caught.value.offset == size


@given(st.binary(max_size=200))
def test_garbage(small: bytes, garbage: bytes) -> None:
    for data in (garbage, small[:27] + garbage, small + garbage):
        if data != small:
            with pytest.raises(WireError):
                read_stream(data)


def packets_of(small: bytes) -> list[bytes]:
    packets, start = [], 27
    while start < len(small):
        size = 11 + struct.unpack_from("<H", small, start + 5)[0]
        packets.append(small[start : start + size])
        start += size
    return packets


def test_gaps_and_repeats(small: bytes) -> None:
    packets = packets_of(small)
    gap = small[:27] + packets[0] + b"".join(packets[2:])
    with pytest.raises(WireError, match="missing packets: expected number 1, found 2") as caught:
        read_stream(gap)
    assert caught.value.offset == 27 + len(packets[0]) + 1
    with pytest.raises(WireError, match="came twice: expected number 2, found 1"):
        read_stream(small[:27] + b"".join(packets[:2]) + packets[1])


@pytest.mark.parametrize(
    ("packets", "message", "offset"),
    [
        ([EndPacket(0, 1, 0)], "held 0 codes, not 1", 34),
        ([EndPacket(0, 0, 1)], "1 samples are more than the codes", 42),
        ([SpeakerPacket(i, np.ones(2, np.float32)) for i in (0, 1)], "second speaker", 43),
    ],
)
def test_packets_that_contradict_each_other(
    header: StreamHeader, packets: Sequence[EndPacket | SpeakerPacket], message: str, offset: int
) -> None:
    with pytest.raises(WireError, match=message) as caught:
        read_stream(header.to_bytes() + b"".join(packet.to_bytes() for packet in packets))
    assert caught.value.offset == offset


def test_one_byte_after_the_end(small: bytes) -> None:
    with pytest.raises(WireError, match="after the END") as caught:
        read_stream(small + b"\x00")
    assert caught.value.offset == len(small)


def test_skippable_packets_are_counted_and_skipped(header: StreamHeader) -> None:
    data = header.to_bytes() + frame(0x90, 0, b"from the future") + EndPacket(1, 0, 0).to_bytes()
    assert [plain(packet) for packet in StreamReader().feed(data)] == [("end", 1, 0, 0)]


def test_packets_before_an_error_come_first_and_the_error_stays(small: bytes) -> None:
    damaged = small[:-1] + bytes([small[-1] ^ 1])
    seen = read_in_chunks(damaged, [])
    assert [packet[0] for packet in seen[:-1]] == ["speaker", "codes", "codes", "codes"]
    assert seen[-1][1] == len(small) - 27

    reader = StreamReader()
    with pytest.raises(WireError) as first:
        list(reader.feed(damaged))
    for again in (lambda: reader.feed(b""), lambda: reader.feed(small), reader.finish):
        with pytest.raises(WireError) as caught:
            again()
        assert caught.value is first.value


def test_a_reader_that_has_not_seen_the_end_just_waits(small: bytes) -> None:
    reader = StreamReader()
    assert list(reader.feed(small[:26])) == []
    assert reader.header is None
    assert len(list(reader.feed(small[26:-1]))) == 4
    assert reader.header is not None
    assert [plain(packet) for packet in reader.feed(small[-1:])] == [("end", 4, 14, 4380)]
    reader.finish()


def test_golden_bytes(header: StreamHeader) -> None:
    data = build(header, [0, 100, 200, 300, 511], [0.5, -1.0], samples=1500, per_packet=3)
    assert data == bytes.fromhex(GOLDEN_PACKED)
    rising = Prior(header.codebook_id, np.arange(512) ** 3)
    data = build(header, [511, 500, 490, 480, 470, 460, 450, 440, 0], per_packet=8, prior=rising)
    assert data == bytes.fromhex(GOLDEN_UNIGRAM)
    counts = np.ones((512, 512), np.uint8)
    counts[np.arange(511), np.arange(1, 512)] = 255
    data = build(header, range(7, 15), per_packet=8, prior=Prior(header.codebook_id, counts))
    assert data == bytes.fromhex(GOLDEN_BIGRAM)


def test_the_document_shows_the_golden_bytes() -> None:
    text = (Path(__file__).parents[3] / "docs" / "wire-format.md").read_text("utf-8")
    dump = re.findall(r"^[0-9a-f]{8}: ((?:[0-9a-f]{2,4} )+)", text, re.MULTILINE)
    assert bytes.fromhex("".join(dump)) == bytes.fromhex(GOLDEN_PACKED)


def test_writer_checks_its_arguments(header: StreamHeader, unigram: Prior) -> None:
    sink = BytesIO()
    with pytest.raises(ValueError, match="codes_per_packet"):
        StreamWriter(sink, header, 256)
    with pytest.raises(ValueError, match="prior is of codebook 0123456789abcdef"):
        StreamWriter(sink, replace(header, codebook_id="f" * 16), prior=unigram)
    assert sink.getvalue() == b""
    writer = StreamWriter(sink, header)
    with pytest.raises(ValueError, match="0 to 511"):
        writer.write([512])
    writer.write([511])
    with pytest.raises(ValueError, match="0 to 320 samples"):
        writer.close(samples=321)
    writer.write_speaker([1.0])
    with pytest.raises(ValueError, match="one speaker"):
        writer.write_speaker([1.0])
    writer.close(samples=7)
    for late in (lambda: writer.write([1]), lambda: writer.write_speaker([1.0]), writer.close):
        with pytest.raises(ValueError, match="closed"):
            late()
    stream = read_stream(sink.getvalue())
    assert (stream.codes.tolist(), stream.samples) == ([511], 7)


def test_write_and_read_a_file(header: StreamHeader, unigram: Prior, tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 512, 3000).astype(np.int32)
    path = tmp_path / "speech.edgy"
    speaker = np.array([0.5, -1.25], np.float32)
    write_stream(path, Stream(header, codes, speaker, samples=3000 * 320 - 1), unigram)
    write_stream(path, Stream(header, codes, speaker, samples=3000 * 320 - 1))
    stream = read_stream(str(path))
    assert np.array_equal(stream.codes, codes)
    assert stream.speaker is not None
    assert np.array_equal(stream.speaker, speaker)
    assert stream.samples == 3000 * 320 - 1
    assert os.listdir(tmp_path) == ["speech.edgy"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("step", ["codes", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    header: StreamHeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "speech.edgy"
    path.write_bytes(b"old")
    if step == "replace":
        monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises((OSError, ValueError)):
        write_stream(path, Stream(header, np.array([512 if step == "codes" else 1])))
    assert os.listdir(tmp_path) == ["speech.edgy"]
    assert path.read_bytes() == b"old"


def test_bits_per_second(header: StreamHeader) -> None:
    assert bits_per_second(57, 50, header) == 456
    assert bits_per_second(100, 1, replace(header, sample_rate=22050, samples_per_code=441)) == 40000
    with pytest.raises(ValueError, match="no bit rate"):
        bits_per_second(27, 0, header)


def test_every_byte_of_a_stream_is_of_some_kind() -> None:
    packed, coded = (bytes.fromhex(golden) for golden in (GOLDEN_PACKED, GOLDEN_BIGRAM))
    assert bytes_by_kind(packed) == {"header": 27, "speaker vector": 16, "codes": 16 + 15, "end": 27}
    assert bytes_by_kind(coded) == {"header": 27, "codes": 15, "end": 27}
    # What only a later version knows is told too.
    later = packed[:27] + frame(0x90, 0, b"news") + frame(0x03, 1, bytes(16))
    assert read_stream(later).codes.size == 0
    assert bytes_by_kind(later) == {"header": 27, "other": 15, "end": 27}
