"""Speed of encoding on the recording that ships: ratios within one run on one machine.

python -m evaluation.bench_codec --release pi
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder

T = TypeVar("T")


def main() -> None:
    """Print one row per encoder."""
    parser = argparse.ArgumentParser(description="Time the encoders of a release.")
    parser.add_argument("--release", default="pi")
    parser.add_argument("--runs", type=int, default=10)
    args = parser.parse_args()
    release = find_release(args.release)
    pcm = read_pcm16(SHIPPED.audio)
    seconds = len(pcm) / 16000
    print(f"{seconds:.2f} s of speech, {args.runs} runs, median")
    for variant in release.variants:
        for threads in (1, 2):
            load, encoder = _timed(lambda v=variant, t=threads: EdgeEncoder(release.encoder(v), t))  # type: ignore[misc]
            encode = _median(lambda e=encoder: e.encode(pcm), args.runs)  # type: ignore[misc]
            print(
                f"encode {variant:8} {threads} threads: load {1000 * load:6.1f} ms, "
                f"encode {1000 * encode / seconds:6.2f} ms per second of speech (RTF {encode / seconds:.4f})"
            )
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _median(call: Callable[[], object], runs: int) -> float:
    return statistics.median(_timed(call)[0] for _ in range(runs))


if __name__ == "__main__":
    main()
