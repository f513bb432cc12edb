"""The range coder, against a second one written from docs/wire-format.md with Python's unbounded integers."""

import contextlib
import sys
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.errors import MissingDependencyError, WireError
from edgy_tf.wire import Prior, StreamHeader, StreamWriter, measure, read_stream
from edgy_tf.wire.entropy import decode, encode

Counts = list[int] | list[list[int]]


def _intervals(counts: list[int]) -> list[int]:
    if not any(counts):
        counts = [1] * len(counts)
    sums = [0, *accumulate(counts)]
    shift = max(0, sums[-1].bit_length() - 38)
    sums = [s >> shift for s in sums]
    return [i + s * (2**24 - len(counts)) // sums[-1] for i, s in enumerate(sums)]


def _row(counts: Counts, previous: int | None) -> list[int]:
    if not isinstance(counts[0], list):
        return counts
    return [sum(column) for column in zip(*counts, strict=True)] if previous is None else counts[previous]


def reference_encode(codes: list[int], counts: Counts) -> bytes:
    low, width, length, previous = 0, 2**64 - 1, 64, None
    for code in codes:
        edges = _intervals(_row(counts, previous))
        scale = width >> 24
        low += scale * edges[code]
        width = scale * (edges[code + 1] - edges[code])
        if width < 2**32:
            low, width, length = low << 32, width << 32, length + 32
        previous = code
    for size in range(length // 8 + 1):
        unit = 1 << (length - 8 * size)
        point = -(-low // unit)
        if point * unit < low + width:
            return point.to_bytes(size, "big")
    raise AssertionError


def reference_decode(data: bytes, count: int, counts: Counts) -> list[int]:
    words = iter(int.from_bytes(data[i : i + 4].ljust(4, b"\0"), "big") for i in range(0, len(data), 4))
    codes: list[int] = []
    point, width = (next(words, 0) << 32) | next(words, 0), 2**64 - 1
    for _ in range(count):
        edges = _intervals(_row(counts, codes[-1] if codes else None))
        scale = width >> 24
        codes.append(bisect_right(edges, point // scale) - 1)
        point -= scale * edges[codes[-1]]
        width = scale * (edges[codes[-1] + 1] - edges[codes[-1]])
        if width < 2**32:
            point, width = (point << 32) | next(words, 0), width << 32
    return codes


@st.composite
def counts_and_codes(draw: st.DrawFn) -> tuple[Counts, list[int]]:
    size = draw(st.integers(2, 12))
    row = st.lists(st.sampled_from([0, 1, 2, 200, 65535, 2**32 - 1]), min_size=size, max_size=size)
    counts = draw(row | st.lists(row, min_size=size, max_size=size))
    return counts, draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=255))


@given(counts_and_codes())
@settings(max_examples=300, deadline=None)
def test_round_trip_and_reference(case: tuple[Counts, list[int]]) -> None:
    counts, codes = case
    prior = Prior("0" * 16, np.array(counts, np.uint32))
    data = encode(np.array(codes, np.int32), prior)
    assert data == reference_encode(codes, counts)
    assert decode(data, len(codes), prior).tolist() == codes
    assert reference_decode(data, len(codes), counts) == codes
    assert 8 * len(data) <= measure(codes, prior) + 8.01


@given(st.binary(max_size=40), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_hostile_bytes(unigram: Prior, bigram: Prior, data: bytes, count: int) -> None:
    for prior in (unigram, bigram):
        with contextlib.suppress(WireError):
            assert encode(decode(data, count, prior), prior) == data


@pytest.mark.parametrize("data", [b"\xff" * 12, b"\xff" * 8 + bytes(4), b"\x01\x00"])
def test_bytes_beyond_the_last_interval_or_with_a_tail(unigram: Prior, data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(data, 50, unigram, offset=7)
    assert caught.value.offset == 7


def test_frequencies_are_positive_and_sum_to_2_24(unigram: Prior, bigram: Prior) -> None:
    for prior, context in ((unigram, None), (bigram, None), (bigram, 3), (Prior("0" * 16, [0, 0, 0]), None)):
        frequencies = prior.frequencies(context)
        assert frequencies.sum() == 2**24
        assert frequencies.min() >= 1


@pytest.mark.parametrize("size", [2, 65536])
def test_smallest_and_largest_codebook(size: int) -> None:
    prior = Prior("0" * 16, np.arange(size, dtype=np.float32))
    codes = np.array([0, 1, size - 1, size - 2, 0], np.int32)
    assert np.array_equal(decode(encode(codes, prior), 5, prior), codes)


def test_integer_and_float_counts_agree() -> None:
    counts = np.array([1, 50, 255, 0, 17], np.uint8)
    exact = Prior("0" * 16, counts).frequencies(None)
    scaled = Prior("0" * 16, counts / counts.sum()).frequencies(None)
    assert np.abs(exact - scaled).max() <= 1


def test_the_prior_keeps_its_own_counts() -> None:
    counts = np.ones(4, np.uint8)
    prior = Prior("0" * 16, counts)
    counts[0] = 200
    assert prior.frequencies(None).tolist() == [2**22] * 4


@pytest.mark.parametrize(
    "counts",
    [7, [1], [[1, 2]], np.ones((2, 2, 2)), [1, -1], [1.0, np.nan], [np.inf, 1.0], [2**32, 1], [True, False]],
)
def test_counts_that_are_no_prior(counts: npt.ArrayLike) -> None:
    with pytest.raises(ValueError, match="counts must be"):
        Prior("0" * 16, counts)


def test_measure_of_a_flat_prior_is_the_code_length() -> None:
    flat = Prior("0" * 16, np.ones(512, np.uint8))
    assert measure(range(512), flat) == pytest.approx(512 * 9)
    with pytest.raises(ValueError, match="0 to 511"):
        measure([512], flat)


def test_missing_constriction(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, header: StreamHeader, unigram: Prior
) -> None:
    path = tmp_path / "a.edgy"
    with open(path, "wb") as file:
        writer = StreamWriter(file, header, prior=unigram)
        writer.write(np.full(50, int(unigram.counts.argmax())))
        writer.close()
    monkeypatch.setitem(sys.modules, "constriction", None)
    for use in (
        lambda: read_stream(path, unigram),
        lambda: StreamWriter(lambda _: pytest.fail("nothing is to be written"), header, prior=unigram),
    ):
        with pytest.raises(MissingDependencyError, match=r"pip install edgy-tf\[entropy\]"):
            use()
    assert measure([1, 2, 3], unigram) > 0
