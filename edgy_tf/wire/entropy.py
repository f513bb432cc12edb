"""Entropy-coded codes: a range coder driven by how often the codebook's codes occur.

The coder is constriction's (32-bit words, 64-bit state, 24-bit probabilities), which the extra ``entropy``
installs. Models are computed in integers, so that every machine derives the same ones from the same counts.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import MissingDependencyError, WireError
from edgy_tf.wire.bits import Codes, check_codes

PRECISION = 24
_WORD = 32


class Prior:
    """How often each code of a codebook occurs, alone or after another; it belongs to the codebook.

    Counts are taken as they are, except that no code is impossible: one never counted costs 24 bits. Smooth a
    sparse bigram before. Floats are scaled so that the largest becomes 2**32 - 1, and truncated.

    Attributes:
        codebook_id: the codebook that the counts are of, 16 hexadecimal digits.
        size: number of codes K.
        counts: integers below 2**32; [K], or [K, K] with a row for each preceding code.

    Raises:
        ValueError: counts of another shape, negative, not finite or too large.
    """

    def __init__(self, codebook_id: str, counts: npt.ArrayLike) -> None:
        array = np.array(counts)
        if array.ndim not in (1, 2) or len(set(array.shape)) != 1 or not 2 <= len(array) <= 1 << 16:
            raise ValueError(f"counts must be [K] or [K, K] with K from 2 to 65536, not {list(array.shape)}")
        if not (np.isfinite(array).all() and array.min() >= 0):
            raise ValueError("counts must be finite and not negative")
        if np.issubdtype(array.dtype, np.floating):
            largest = float(array.max()) or 1.0
            array = (array.astype(np.float64) / largest * (2**32 - 1)).astype(np.uint32)
        elif not np.issubdtype(array.dtype, np.integer) or array.max() >= 2**32:
            raise ValueError("counts must be numbers below 2**32")
        self.codebook_id = codebook_id
        self.size = len(array)
        self.counts = array
        self._frequencies: dict[int | None, npt.NDArray[np.int64]] = {}
        self._models: dict[int | None, Any] = {}

    def contexts(self, codes: Codes) -> list[int | None]:
        """What the model of each of ``codes`` depends on: the code before it, or None."""
        if self.counts.ndim == 1:
            return [None] * len(codes)
        return [None, *codes[:-1].tolist()]

    def frequencies(self, context: int | None) -> npt.NDArray[np.int64]:
        """The model after ``context``, or of a packet's first code: int64 [K], positive, of sum 2**24."""
        if context not in self._frequencies:
            if context is not None:
                row = self.counts[context]
            else:
                row = self.counts.reshape(-1, self.size).sum(axis=0, dtype=np.int64)
            edges = np.concatenate([[0], np.cumsum(row if row.any() else np.ones_like(row), dtype=np.int64)])
            edges >>= max(0, int(edges[-1]).bit_length() - 38)  # so that the product below fits 63 bits
            edges = edges * (2**PRECISION - self.size) // edges[-1]
            self._frequencies[context] = np.diff(edges) + 1
        return self._frequencies[context]

    def model(self, context: int | None) -> Any:
        """``frequencies(context)`` as constriction wants them.

        Raises:
            MissingDependencyError: constriction is not installed.
        """
        if context not in self._models:
            # In its fast mode constriction gives each code one part in 2**24 and shares out the rest. Ours
            # sums to exactly 2**24 - K, so that its float arithmetic is exact and the model as computed.
            rest = (self.frequencies(context) - 1).astype(np.float64)
            self._models[context] = load_constriction().stream.model.Categorical(rest, perfect=False)
        return self._models[context]


def load_constriction() -> Any:
    """The constriction package.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module("constriction")
    except ImportError as error:
        raise MissingDependencyError(
            "entropy-coded packets need the package constriction: pip install edgy-tf[entropy]"
        ) from error


def measure(codes: npt.ArrayLike, prior: Prior) -> float:
    """Bits that the codes [n] carry under the prior, as one packet of any length. Needs no constriction.

    Raises:
        ValueError: codes that are not the prior's.
    """
    checked = check_codes(codes, prior.size)
    pairs = zip(prior.contexts(checked), checked.tolist(), strict=True)
    return sum(PRECISION - math.log2(prior.frequencies(context)[code]) for context, code in pairs)


def encode(codes: Codes, prior: Prior) -> bytes:
    """Code at least one code [n] as the shortest bytes that ``decode`` reads back.

    Raises:
        MissingDependencyError: constriction is not installed.
    """
    encoder = load_constriction().stream.queue.RangeEncoder()
    for context, code in zip(prior.contexts(codes), codes.tolist(), strict=True):
        encoder.encode(code, prior.model(context))
    # Any number in [low, low + width) stands for the codes. constriction ends on a multiple of 2**32; the
    # shortest number instead saves about three bytes a packet.
    position, (lower, width) = encoder.pos()
    words = encoder.get_compressed()[: position + 1].astype(">u4")
    low = (int.from_bytes(words.tobytes(), "big") << _WORD) - (-lower % (1 << _WORD))
    if low == 0:
        return b""
    below, last = low - 1, low + width - 1
    spare = ((below ^ last).bit_length() - 1) // 8
    return ((below >> 8 * spare) + 1).to_bytes(4 * (position + 2) - spare, "big")


def decode(data: bytes, count: int, prior: Prior, offset: int = 0) -> Codes:
    """Inverse of ``encode``: int32 [count].

    Args:
        data: the coded bytes and nothing after them.
        count: number of codes.
        prior: the one that coded them.
        offset: where ``data`` lies in the stream, for error messages.

    Raises:
        WireError: ``encode`` gives these bytes for no ``count`` codes.
        MissingDependencyError: constriction is not installed.
    """
    words = np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32)
    decoder = load_constriction().stream.queue.RangeDecoder(words)
    codes = np.empty(count, np.int32)
    context = None
    for i in range(count):
        try:
            codes[i] = decoder.decode(prior.model(context))
        except AssertionError as error:  # constriction's word for a number that no code has
            raise WireError("entropy-coded bytes that stand for no code", offset) from error
        context = int(codes[i]) if prior.counts.ndim == 2 else None
    # One form for each row of codes: trailing bytes, or a count that the bytes do not hold, are errors.
    if encode(codes, prior) != data:
        raise WireError("entropy-coded bytes are not the shortest form of their codes", offset)
    return codes
