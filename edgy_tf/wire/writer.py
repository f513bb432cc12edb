"""Writing a stream as codes come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgy_tf.wire.bits import Codes, check_codes
from edgy_tf.wire.entropy import Prior, load_constriction
from edgy_tf.wire.header import StreamHeader
from edgy_tf.wire.packets import MAX_CODES, CodesPacket, EndPacket, SpeakerPacket


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class StreamWriter:
    """Writes a stream to a buffered binary file, or hands each packet to a function, as codes come.

    Args:
        sink: where bytes go: an object with ``write``, or a function of bytes.
        header: written at once.
        codes_per_packet: 1 to 255; a packet leaves when it is full, so this many codes are the delay.
        prior: of the header's codebook; packets that it makes shorter are entropy-coded.

    Attributes:
        header: as written.
        bytes_written: so far, the header included.

    Raises:
        ValueError: ``codes_per_packet`` out of range, or the prior of another codebook.
        MissingDependencyError: a prior is given and constriction is not installed.
    """

    def __init__(
        self,
        sink: _Writable | Callable[[bytes], object],
        header: StreamHeader,
        codes_per_packet: int = 50,
        prior: Prior | None = None,
    ) -> None:
        if not 1 <= codes_per_packet <= MAX_CODES:
            raise ValueError(f"codes_per_packet must be 1 to {MAX_CODES}, not {codes_per_packet}")
        if prior is not None:
            load_constriction()  # missing? Then say so before anything is written
            if (prior.codebook_id, prior.size) != (header.codebook_id, header.codebook_size):
                raise ValueError(
                    f"the prior is of codebook {prior.codebook_id} with {prior.size} codes, "
                    f"not of {header.codebook_id} with {header.codebook_size}"
                )
        self.header = replace(header, needs_prior=prior is not None)
        self.bytes_written = 0
        self._sink = sink if callable(sink) else sink.write
        self._prior = prior
        self._codes_per_packet = codes_per_packet
        self._pending = np.empty(0, np.int32)
        self._codes = 0
        self._sequence = 0
        self._has_speaker = False
        self._closed = False
        self._emit(self.header.to_bytes())

    def write(self, codes: npt.ArrayLike) -> None:
        """Append codes [n], any number of them.

        Raises:
            ValueError: the writer is closed, or the codes are not integers of the codebook.
        """
        self._check_open()
        new = check_codes(codes, self.header.codebook_size)
        self._codes += len(new)
        queue = np.concatenate([self._pending, new])
        whole = len(queue) - len(queue) % self._codes_per_packet
        self._pending = queue[whole:]
        for start in range(0, whole, self._codes_per_packet):
            self._write_codes(queue[start : start + self._codes_per_packet])

    def write_speaker(self, embedding: npt.ArrayLike) -> None:
        """Say which voice to decode with: a row of 1 to 4096 finite numbers, kept as float32.

        Raises:
            ValueError: the writer is closed, a voice was written before, or the embedding is not such a row.
        """
        self._check_open()
        if self._has_speaker:
            raise ValueError("a stream has one speaker embedding")
        self._emit_packet(SpeakerPacket(self._sequence, np.asarray(embedding, np.float32)).to_bytes())
        self._has_speaker = True

    def close(self, samples: int | None = None) -> None:
        """End the stream; the sink stays open. ``samples``: of the audio, if the last code is not whole.

        Raises:
            ValueError: the writer is closed, or ``samples`` are more than the codes stand for.
        """
        self._check_open()
        most = self._codes * self.header.samples_per_code
        samples = most if samples is None else samples
        if not 0 <= samples <= most:
            raise ValueError(f"{self._codes} codes stand for 0 to {most} samples, not {samples}")
        if len(self._pending):
            self._write_codes(self._pending)
        self._emit_packet(EndPacket(self._sequence, self._codes, samples).to_bytes())
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the stream is closed")

    def _write_codes(self, codes: Codes) -> None:
        self._emit_packet(CodesPacket(self._sequence, codes).to_bytes(self.header, self._prior))

    def _emit_packet(self, packet: bytes) -> None:
        self._emit(packet)
        self._sequence += 1

    def _emit(self, data: bytes) -> None:
        self._sink(data)
        self.bytes_written += len(data)
