"""Fuzz and time the wire format: ``python -m evaluation.bench_wire --inputs 1000000``.

Valid streams are damaged at random and read. A third of the inputs is read as it is; a third with all
checksums made right again, so that the damage reaches the parsers behind them; a third goes straight to those
parsers. Exits with 1 if anything but a ``WireError`` inside the input comes out, if a batch hangs, or if the
memory grows.
"""

from __future__ import annotations

import argparse
import faulthandler
import re
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from dataclasses import replace
from io import BytesIO
from random import Random

import numpy as np

from edgy_tf.errors import WireError
from edgy_tf.wire import (
    Prior,
    StreamHeader,
    StreamReader,
    StreamWriter,
    bits_per_second,
    measure,
    read_stream,
)
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import HEAD, OVERHEAD, Kind, frame, packet_size, parse_body

BATCH = 1000
HANG_SECONDS = 60
GROWTH_MIB = 32
KINDS = [*Kind, Kind.CODES_ENTROPY, Kind.CODES_ENTROPY, 0x7F, 0xFF]
HEADER = StreamHeader("0123456789abcdef", codebook_size=500, sample_rate=16000, samples_per_code=320)


def make_priors() -> dict[str, Prior | None]:
    """No prior, and one of each shape for ``HEADER``'s codebook."""
    rng = np.random.default_rng(0)
    unigram = rng.geometric(0.02, HEADER.codebook_size).clip(0, 255).astype(np.uint8)
    bigram = rng.geometric(0.3, (HEADER.codebook_size, HEADER.codebook_size)) ** 2
    return {
        "packed": None,
        "unigram": Prior(HEADER.codebook_id, unigram),
        "bigram": Prior(HEADER.codebook_id, bigram),
    }


def draw_codes(prior: Prior | None, count: int) -> np.ndarray:
    """Codes [count] as the prior expects them."""
    rng = np.random.default_rng(0)
    if prior is None:
        return rng.integers(0, HEADER.codebook_size, count)
    codes: list[int] = []
    for u in rng.integers(0, 2**24, count):
        context = codes[-1] if codes and prior.counts.ndim == 2 else None
        codes.append(int(np.searchsorted(np.cumsum(prior.frequencies(context)), u, side="right")))
    return np.array(codes)


def make_stream(codes: np.ndarray, codes_per_packet: int, prior: Prior | None) -> bytes:
    """A valid stream with a packet of each kind."""
    file = BytesIO()
    writer = StreamWriter(file, HEADER, codes_per_packet, prior)
    writer.write_speaker(np.linspace(-1, 1, 16))
    writer.write(codes)
    writer.close()
    return file.getvalue()


def damage(data: bytes, others: list[bytes], rng: Random) -> bytes:
    """One to four random edits."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place, size = rng.randrange(len(out) + 1), rng.choice((1, 1, 2, 4, 8, 32))
        match rng.randrange(7):
            case 0:
                out[place : place + 1] = bytes(b ^ 1 << rng.randrange(8) for b in out[place : place + 1])
            case 1:
                out[place : place + size] = rng.randbytes(len(out[place : place + size]))
            case 2:
                out[place : place + size] = rng.choice((b"\x00", b"\xff")) * len(out[place : place + size])
            case 3:
                del out[place : place + size]
            case 4:
                out[place:place] = rng.randbytes(size)
            case 5:
                del out[place:]
            case 6:
                other = rng.choice(others)
                out[place:] = other[rng.randrange(len(other)) :]
    return bytes(out)


def repair(data: bytes) -> bytes:
    """The same with every checksum and sequence number made right, as far as the lengths can be followed."""
    if len(data) < HEADER_SIZE:
        return data
    out = [data[: HEADER_SIZE - 4], struct.pack("<I", zlib.crc32(data[: HEADER_SIZE - 4]))]
    place, sequence = HEADER_SIZE, 0
    while place + OVERHEAD <= len(data):
        kind, _, length = HEAD.unpack_from(data, place)
        body = data[place + HEAD.size : place + HEAD.size + length]
        out.append(frame(kind, sequence, body))
        place, sequence = place + OVERHEAD + length, sequence + 1
    return b"".join([*out, data[place:]])


def read_in_chunks(data: bytes, prior: Prior | None, rng: Random) -> None:
    """Feed a reader in up to three chunks."""
    reader = StreamReader(prior)
    first, second = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    for chunk in (data[:first], data[first:second], data[second:]):
        for _ in reader.feed(chunk):
            pass
    reader.finish()


def parse_directly(body: bytes, prior: Prior | None, rng: Random) -> None:
    """Hand a body to a packet parser, if a packet of that kind may have that length."""
    kind, header = rng.choice(KINDS), replace(HEADER, needs_prior=prior is not None)
    packet_size(HEAD.pack(kind, 0, len(body)), header, 0)
    parse_body(kind, 0, body, header, HEAD.size, prior)


def bodies(data: bytes) -> list[bytes]:
    """The body of each packet of a valid stream."""
    found, place = [], HEADER_SIZE
    while place < len(data):
        length = HEAD.unpack_from(data, place)[2]
        found.append(data[place + HEAD.size : place + HEAD.size + length])
        place += OVERHEAD + length
    return found


def fuzz(inputs: int, seed: int) -> bool:
    """Read ``inputs`` damaged streams and print what came out; True if only ``WireError`` did."""
    rng = Random(seed)
    priors = list(make_priors().values())
    streams = {prior: [make_stream(draw_codes(prior, 3 * n), n, prior) for n in (9, 50)] for prior in priors}
    parts = {prior: [body for data in streams[prior] for body in bodies(data)] for prior in priors}
    every = [data for rows in streams.values() for data in rows]
    outcomes: Counter[str] = Counter()
    slowest, start, peak = 0.0, time.perf_counter(), 0
    for number in range(inputs):
        if number % BATCH == 0:
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        if number == inputs // 10:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        prior, way = rng.choice(priors), number % 3
        data = damage(rng.choice((parts if way == 2 else streams)[prior]), every, rng)
        data = repair(data) if way == 1 else data
        began = time.perf_counter()
        try:
            (parse_directly if way == 2 else read_in_chunks)(data, prior, rng)
            outcomes["accepted"] += 1
        except WireError as error:
            if not 0 <= error.offset <= len(data) + (HEAD.size if way == 2 else 0):
                print(f"FAILED on input {number}, way {way}: {error}, outside its {len(data)} bytes")
                return False
            message = str(error).rsplit(" (at byte", 1)[0]
            outcomes[re.sub(r"0x\w\w|b'.*'|b\".*\"|\b[0-9a-f]{16}\b|\d+", "N", message)] += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a Rust panic is no Exception
            print(f"FAILED on input {number}, way {way}: {error!r}\n{data.hex()}")
            return False
        slowest = max(slowest, time.perf_counter() - began)
    faulthandler.cancel_dump_traceback_later()
    seconds = time.perf_counter() - start
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    rate = f"{inputs / seconds:.0f} a second, slowest {1000 * slowest:.1f} ms"
    print(f"{inputs} damaged inputs, seed {seed}: {rate}")
    for what, count in outcomes.most_common():
        print(f"{count:9d}  {what}")
    print(f"peak memory grew by {growth:.1f} MiB after the first tenth (bound {GROWTH_MIB})")
    return growth <= GROWTH_MIB


def throughput(count: int = 20000) -> None:
    """Print rates of bits and of codes for one-second packets."""
    print("\none-second packets    bit/s   ideal   written codes/s   read codes/s")
    for name, prior in make_priors().items():
        codes = draw_codes(prior, count)
        start = time.perf_counter()
        data = make_stream(codes, 50, prior)
        middle = time.perf_counter()
        read_stream(data, prior)
        end = time.perf_counter()
        ideal = (measure(codes, prior) if prior else count * HEADER.bits) / count * float(HEADER.code_rate)
        rate = bits_per_second(len(data), count, HEADER)
        written, read = count / (middle - start), count / (end - middle)
        print(f"{name:18} {rate:8.1f} {ideal:7.1f} {written:17.0f} {read:14.0f}")


def main() -> int:
    """Run both; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    throughput()
    print()
    return 0 if fuzz(arguments.inputs, arguments.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
