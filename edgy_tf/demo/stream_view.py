"""An ``.edgy`` stream to look at: what left the device by bytes, a hex dump, codes as colours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from edgy_tf.wire.header import HEADER_SIZE, StreamHeader
from edgy_tf.wire.packets import HEAD, OVERHEAD, Kind, packet_size

PER_ROW = 50
"""Codes in a row of the strip, and a second of them at the usual rate."""


@dataclass(frozen=True)
class Disclosure:
    """What left the device.

    Attributes:
        header: what the stream says of itself.
        packets: kind and bytes of every packet, in order.
    """

    header: StreamHeader
    packets: list[tuple[Kind, bytes]]

    @classmethod
    def of(cls, stream: bytes) -> Disclosure:
        """Take a whole and valid stream apart."""
        header, at = StreamHeader.from_bytes(stream[:HEADER_SIZE]), HEADER_SIZE
        packets = []
        while at < len(stream):
            size = packet_size(stream[at : at + HEAD.size], header, at)
            packets.append((Kind(stream[at]), stream[at : at + size]))
            at += size
        return cls(header, packets)

    def sizes(self, *kinds: Kind) -> list[int]:
        """Bytes of each packet of these kinds."""
        return [len(data) for kind, data in self.packets if kind in kinds]


def hex_dump(packet: bytes, start: int) -> str:
    """HTML of a packet that begins at byte ``start``: 16 bytes a row, head, body and checksum marked."""
    body = len(packet) - OVERHEAD
    classes = ["head"] * HEAD.size + ["body"] * body + ["crc"] * (OVERHEAD - HEAD.size)
    rows = []
    for at in range(0, len(packet), 16):
        row = zip(classes[at : at + 16], packet[at : at + 16], strict=True)
        runs = groupby(row, key=itemgetter(0))
        cells = [f'<b class="{name}">{bytes(b for _, b in run).hex(" ")}</b>' for name, run in runs]
        rows.append(f"{start + at:04x}  {' '.join(cells)}")
    return "\n".join(rows)


def code_strip(codes: npt.NDArray[np.int32], hues: npt.NDArray[np.int64], code_rate: float) -> str:
    """HTML of a strip: a row of cells for every ``PER_ROW`` codes, each coloured by ``hues [K]``."""
    rows = []
    for at in range(0, len(codes), PER_ROW):
        cells = "".join(f'<i title="{c}" style="--h:{hues[c]}"></i>' for c in codes[at : at + PER_ROW])
        rows.append(f'<span class="time">{at / code_rate:.1f} s</span><span class="cells">{cells}</span>')
    return "\n".join(rows)


def code_rows(codes: npt.NDArray[np.int32]) -> str:
    """The numbers as text, ten a line behind the number of the first."""
    rows = [" ".join(f"{code:3d}" for code in codes[at : at + 10]) for at in range(0, len(codes), 10)]
    return "\n".join(f"{10 * i:4d}  {row}" for i, row in enumerate(rows))


def code_hues(codebook: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """A hue in degrees for each vector of ``codebook [K, D]``, such that near vectors have near hues.

    It is the angle in the plane of the codebook's two main directions.
    """
    centred = codebook - codebook.mean(0)
    x, y = np.linalg.svd(centred, full_matrices=False)[2][:2] @ centred.T
    return np.rint(np.degrees(np.arctan2(y, x)) % 360).astype(np.int64)
