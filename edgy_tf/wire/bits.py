"""Codes as a run of bits: each code takes ``bits`` bits, most significant first, without gaps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import WireError

Codes = npt.NDArray[np.int32]


def check_codes(codes: npt.ArrayLike, size: int) -> Codes:
    """Codes that a caller gave, as int32 [n].

    Raises:
        ValueError: not a row of integers from 0 to ``size - 1``.
    """
    array = np.asarray(codes)
    if array.size == 0:
        return np.empty(0, np.int32)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"codes must be a row of integers, not {array.dtype} of shape {array.shape}")
    if array.min() < 0 or array.max() >= size:
        raise ValueError(f"codes must be 0 to {size - 1}, not {array.min()} to {array.max()}")
    return array.astype(np.int32)


def packed_size(count: int, bits: int) -> int:
    """Bytes that ``count`` codes of ``bits`` bits take."""
    return (count * bits + 7) // 8


def pack(codes: Codes, bits: int) -> bytes:
    """Pack codes [n], each below ``2**bits`` with bits 1 to 16; the last byte is filled up with zero bits."""
    pairs = codes.astype(">u2").view(np.uint8).reshape(-1, 2)
    return np.packbits(np.unpackbits(pairs, axis=1)[:, 16 - bits :]).tobytes()


def unpack(data: bytes, count: int, bits: int, offset: int = 0) -> Codes:
    """Inverse of ``pack``: int32 [count].

    Args:
        data: the packed bytes and nothing after them.
        count: number of codes.
        bits: bits of a code.
        offset: where ``data`` lies in the stream, for error messages.

    Raises:
        WireError: the wrong number of bytes, or bits set after the last code.
    """
    expected = packed_size(count, bits)
    if len(data) != expected:
        raise WireError(f"{count} codes of {bits} bits take {expected} bytes, not {len(data)}", offset)
    flat = np.unpackbits(np.frombuffer(data, np.uint8))
    if flat[count * bits :].any():
        raise WireError("bits are set after the last code", offset + expected - 1)
    places = 1 << np.arange(bits - 1, -1, -1, dtype=np.int32)
    return flat[: count * bits].reshape(count, bits) @ places
