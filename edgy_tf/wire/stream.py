"""Whole streams, written and read in one call."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.wire.bits import Codes
from edgy_tf.wire.entropy import Prior
from edgy_tf.wire.header import HEADER_SIZE, StreamHeader
from edgy_tf.wire.packets import (
    HEAD,
    HEADER_NAME,
    MAX_CODES,
    CodesPacket,
    EndPacket,
    SpeakerPacket,
    kind_name,
    packet_size,
)
from edgy_tf.wire.reader import StreamReader
from edgy_tf.wire.writer import StreamWriter

_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Stream:
    """A whole stream.

    Attributes:
        header: whose codes they are and how fast they come.
        codes: int32 [n].
        speaker: embedding of the voice to decode with, float32 [dim].
        samples: audio samples that the codes stand for. Known after reading; None, when writing, means
            that the last code is whole.
    """

    header: StreamHeader
    codes: Codes
    speaker: npt.NDArray[np.float32] | None = None
    samples: int | None = None


def read_stream(source: str | os.PathLike[str] | bytes, prior: Prior | None = None) -> Stream:
    """Read a whole stream from a file or from bytes.

    Raises:
        WireError: not a valid stream, truncated, or coded with a prior that was not given.
        MissingDependencyError: an entropy-coded packet, and constriction is not installed.
        OSError: the file cannot be read.
    """
    reader = StreamReader(prior)
    codes = [np.empty(0, np.int32)]
    speaker, samples = None, None
    with BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        for chunk in iter(partial(file.read, _CHUNK), b""):
            for packet in reader.feed(chunk):
                match packet:
                    case CodesPacket():
                        codes.append(packet.codes)
                    case SpeakerPacket():
                        speaker = packet.embedding
                    case EndPacket():
                        samples = packet.samples
    reader.finish()
    assert reader.header is not None
    return Stream(reader.header, np.concatenate(codes), speaker, samples)


def read_header(source: str | os.PathLike[str]) -> StreamHeader:
    """Read only the header of a stream: whose codes it holds, and whether reading them needs a prior.

    Raises:
        WireError: not an ``.edgy`` stream, or one that is cut off or damaged in its header.
        OSError: the file cannot be read.
    """
    reader = StreamReader()
    with open(source, "rb") as file:
        for _ in reader.feed(file.read(HEADER_SIZE)):
            pass
    if reader.header is None:
        reader.finish()
    assert reader.header is not None
    return reader.header


def write_stream(path: str | os.PathLike[str], stream: Stream, prior: Prior | None = None) -> None:
    """Write a whole stream to a file, in the largest packets; what the file held is replaced at once or kept.

    Raises:
        ValueError: as ``StreamWriter`` raises it.
        MissingDependencyError: a prior is given and constriction is not installed.
        OSError: the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            writer = StreamWriter(file, stream.header, MAX_CODES, prior)
            if stream.speaker is not None:
                writer.write_speaker(stream.speaker)
            writer.write(stream.codes)
            writer.close(stream.samples)
            file.flush()
            os.fsync(file.fileno())  # or a power cut may leave the new name on an empty file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def bytes_by_kind(stream: bytes) -> dict[str, int]:
    """Of how many bytes of each kind a whole and valid stream consists: what left the device, and nothing else."""
    header, at = StreamHeader.from_bytes(stream[:HEADER_SIZE]), HEADER_SIZE
    sizes = {HEADER_NAME: HEADER_SIZE}
    while at < len(stream):
        head = stream[at : at + HEAD.size]
        size, kind = packet_size(head, header, at), kind_name(head)
        sizes[kind] = sizes.get(kind, 0) + size
        at += size
    return sizes


def bits_per_second(stream_bytes: int, codes: int, header: StreamHeader) -> float:
    """Bit rate of a stream of ``stream_bytes`` bytes, everything included, that holds ``codes`` codes.

    Raises:
        ValueError: no codes, so no duration.
    """
    if codes < 1:
        raise ValueError("a stream without codes has no bit rate")
    return float(8 * stream_bytes * header.code_rate / codes)
