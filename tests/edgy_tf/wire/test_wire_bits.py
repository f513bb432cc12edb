from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.errors import WireError
from edgy_tf.wire.bits import check_codes, pack, packed_size, unpack


@given(st.data(), st.integers(1, 16))
def test_round_trip(data: st.DataObject, bits: int) -> None:
    codes = np.array(data.draw(st.lists(st.integers(0, 2**bits - 1), max_size=300)), np.int32)
    packed = pack(codes, bits)
    assert len(packed) == packed_size(len(codes), bits)
    assert packed == _by_hand(codes.tolist(), bits)
    assert np.array_equal(unpack(packed, len(codes), bits), codes)


def _by_hand(codes: list[int], bits: int) -> bytes:
    text = "".join(f"{code:0{bits}b}" for code in codes)
    return bytes(int(text[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(text), 8))


def test_one_second_is_57_bytes() -> None:
    assert packed_size(50, 9) == 57


@pytest.mark.parametrize("bit", range(6))
def test_pad_bits_must_be_zero(bit: int) -> None:
    packed = bytearray(pack(np.arange(50, dtype=np.int32), 9))
    packed[-1] |= 1 << bit
    with pytest.raises(WireError, match="after the last code") as caught:
        unpack(bytes(packed), 50, 9, offset=100)
    assert caught.value.offset == 156


@pytest.mark.parametrize("size", [0, 56, 58])
def test_wrong_number_of_bytes(size: int) -> None:
    with pytest.raises(WireError, match=f"take 57 bytes, not {size}"):
        unpack(bytes(size), 50, 9)


@pytest.mark.parametrize("codes", [[512], [-1], [1.0], [[1]], [True], ["1"], np.array([2**63], np.uint64)])
def test_arguments_that_are_no_codes(codes: npt.ArrayLike) -> None:
    with pytest.raises(ValueError, match="codes must be"):
        check_codes(codes, 512)


@pytest.mark.parametrize("codes", [[], [0, 511], range(3), np.arange(5, dtype=np.uint8)])
def test_arguments_that_are_codes(codes: Sequence[int] | np.ndarray) -> None:
    assert check_codes(codes, 512).dtype == np.int32
    assert check_codes(codes, 512).tolist() == list(codes)
