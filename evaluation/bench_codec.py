"""Speed of encoding and decoding on the recording that ships: ratios within one run on one machine.

python -m evaluation.bench_codec --release pi
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import tensorflow as tf

from edgy_tf.corpora import read_pcm16
from edgy_tf.decode import Decoder
from edgy_tf.decode.sampler import BATCH, FOLD, OVERLAP, WaveSampler
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder

T = TypeVar("T")

NAIVE_FRAMES = 10
"""Mel frames that the naive loop draws; it is too slow for more."""


def main() -> None:
    """Print one row per encoder and decoder."""
    parser = argparse.ArgumentParser(description="Time the encoders and the decoder of a release.")
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
    codes = EdgeEncoder(release.encoder("int8")).encode(pcm)
    decoder = Decoder.from_release(args.release)
    compile_time, _ = _timed(lambda: decoder.decode(codes, decoder.voice(), vocoder="wavernn"))
    decode = _median(lambda: decoder.decode(codes, decoder.voice(), vocoder="wavernn"), args.runs)
    print(f"decode, {BATCH} folds a step: RTF {decode / seconds:.3f} (first call {compile_time:.1f} s: XLA compiles)")
    full = BATCH * FOLD / 100
    heard = decoder.context(codes, decoder.voice())
    context = np.resize(heard, (BATCH * FOLD, heard.shape[1]))
    sampler = WaveSampler(decoder.network.preset, decoder.network.arrays)
    sampler.sample(context, 0)
    batch = _median(lambda: sampler.sample(context, 0), args.runs)
    print(f"decode, all {BATCH} folds used ({full:.0f} s of speech): RTF {batch / full:.3f}")
    naive = _naive(sampler, context[: NAIVE_FRAMES + OVERLAP])
    print(f"naive eager loop over samples: RTF {naive:.1f}, {naive / (batch / full):.0f} times slower")
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB (with TensorFlow loaded)")


def _naive(sampler: WaveSampler, context: np.ndarray) -> float:
    """Real-time factor of the same step, one utterance, driven from Python without compilation."""
    hop = 160
    noise = np.random.default_rng(0).random((len(context) * hop, 1), np.float32)
    tf.config.run_functions_eagerly(True)
    try:
        elapsed, _ = _timed(lambda: sampler.draw(context[None], noise))
    finally:
        tf.config.run_functions_eagerly(False)
    return elapsed / (len(context) * hop / 16000)


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _median(call: Callable[[], object], runs: int) -> float:
    return statistics.median(_timed(call)[0] for _ in range(runs))


if __name__ == "__main__":
    main()
