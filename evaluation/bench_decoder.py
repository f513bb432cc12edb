"""Speed of the WaveRNN's decoder: streams side by side, folds, the naive loop, and what the machine could do at most.

python -m evaluation.bench_decoder --release pi

Real-time factors are in CPU time, so that they hold on a machine that does other things too: the seconds that one core
needs for a second of speech. On a machine of its own, all cores together need that divided by their number.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from edgy_tf.cli.arguments import positive
from edgy_tf.corpora import read_pcm16
from edgy_tf.cpus import cpus
from edgy_tf.decode import Decoder
from edgy_tf.decode.batch import Piece
from edgy_tf.decode.sampler import FOLD, OVERLAP, WaveSampler
from edgy_tf.demo import SHIPPED
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.models.wavernn import WaveRNN
from edgy_tf.preset import Preset, load_preset
from edgy_tf.releases import find_release
from edgy_tf.weights import Arrays, assign_variables, variables_of
from pi_runtime import EdgeEncoder

STREAMS = (1, 4, 16, 64)
CONTEXT = 10
"""Codes heard before and after a second of a stream, as the server does."""
NAIVE_FRAMES = 2
FULL = "paper"
"""The preset of full size."""


@dataclass(frozen=True)
class Time:
    """What a piece of work took.

    Attributes:
        cpu: seconds of all cores together.
        wall: seconds.
    """

    cpu: float
    wall: float

    def per(self, seconds: float) -> str:
        """As real-time factors of so many seconds of speech."""
        return f"{self.cpu / seconds:8.4f} CPU ({self.wall / seconds:.4f} by the clock)"


@dataclass(frozen=True)
class Machine:
    """What one core does at most, measured.

    Attributes:
        flops: of a large product of matrices, a second.
        cache: bytes that it reads a second of as many as the WaveRNN has weights.
        memory: bytes that it reads a second of 256 MiB.
    """

    flops: float
    cache: float
    memory: float


@dataclass(frozen=True)
class Work:
    """What a second of speech costs a WaveRNN by arithmetic.

    Attributes:
        flops: operations of its products.
        steps: of the GRU.
        bytes: of the weights that each step reads.
    """

    flops: float
    steps: float
    bytes: int

    @classmethod
    def of(cls, preset: Preset) -> Work:
        """That of a preset. The tables are left out: of them, a step reads a few rows."""
        cfg = preset.decoder
        steps = preset.front_end.sample_rate / cfg.bunch
        last = cfg.affine * 2**cfg.bits
        once = 3 * cfg.gru**2 + cfg.gru * cfg.bunch * cfg.affine
        return cls(2 * steps * (once + cfg.bunch * last), steps, 4 * (once + last))

    def limit(self, machine: Machine, rows: int) -> float:
        """Least CPU time for a second of speech where ``rows`` share each reading of the weights."""
        return max(self.flops / machine.flops, self.steps * self.bytes / machine.cache / rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the machine's limits, then a row for each number of streams, the naive loop and the full size."""
    parser = argparse.ArgumentParser(description="Time the WaveRNN of a release, and one of full size.")
    parser.add_argument("--release", default="pi", help="with a WaveRNN (default: pi)")
    parser.add_argument(
        "--streams", type=positive, nargs="+", default=STREAMS, help="side by side (default: 1 4 16 64)"
    )
    parser.add_argument("--runs", type=positive, default=3, help="of which the fastest counts (default: 3)")
    parser.add_argument("--full-frames", type=positive, default=2, help="mel frames of the full size (default: 2)")
    args = parser.parse_args(argv)
    decoder = Decoder.from_release(args.release)
    preset, cores = decoder.network.preset, cpus()
    work = Work.of(preset)
    machine = _machine(work.bytes, args.runs)
    print(
        f"{cores} cores, each at most {machine.flops / 1e9:.0f} GFLOP/s, {machine.cache / 1e9:.0f} GB/s of "
        f"{work.bytes / 1e6:.1f} MB, {machine.memory / 1e9:.1f} GB/s of memory, measured in this run"
    )
    print(f"{preset.name}: {work.flops / 1e9:.2f} GFLOP, {work.steps:.0f} steps over the weights a second of speech")
    release = find_release(args.release)
    codes = EdgeEncoder(release.encoder(next(iter(release.variants)))).encode(read_pcm16(SHIPPED.audio))
    _utterance(decoder, codes, args.runs)
    for count in args.streams:
        _streams(decoder, codes, count, args.runs, work, machine)
    fastest = _rows(WaveSampler(preset, decoder.network.arrays), preset, max(args.streams), 20, args.runs)
    print(f"{max(args.streams):3} rows of the WaveRNN alone:      RTF {fastest.per(1)}")
    naive = _naive(preset, decoder.network.arrays)
    print(f"naive loop, one sample at a time:  RTF {naive.per(1)}, {naive.cpu / fastest.cpu:.0f} times as long as rows")
    _full(load_preset(FULL), args.full_frames, args.runs, machine)


def _utterance(decoder: Decoder, codes: np.ndarray, runs: int) -> None:
    seconds = len(codes) * decoder.network.preset.samples_per_code / decoder.sample_rate
    once = _best(lambda: decoder.decode(codes, decoder.voice(), vocoder="wavernn"), runs)
    print(f"an utterance of {seconds:.1f} s, in folds:   RTF {once.per(seconds)}")


def _streams(decoder: Decoder, codes: np.ndarray, count: int, runs: int, work: Work, machine: Machine) -> None:
    """A second of each of ``count`` streams, conditioning and filters included, asked for at once."""
    second = round(decoder.sample_rate / decoder.network.preset.samples_per_code)
    heard = np.resize(codes, second + 2 * CONTEXT)
    streams = [decoder.stream(decoder.voice(), seed) for seed in range(count)]
    with ThreadPoolExecutor(count) as pool:

        def speak() -> None:
            list(pool.map(lambda s: s.speak(heard, CONTEXT, CONTEXT + second), streams))

        took = _best(speak, runs)
    limit = work.limit(machine, -(-count // min(cpus(), count)))
    print(
        f"{count:3} streams, a second of each:     RTF {took.per(count)} a stream; "
        f"the products alone need {limit:.4f}, and {cpus()} cores keep up with {int(cpus() * count / took.cpu)}"
    )


def _full(preset: Preset, frames: int, runs: int, machine: Machine) -> None:
    network = WaveRNN(preset, name="wavernn")
    network.build((None, None), (None, None, 2 * preset.decoder.conditioning))
    sampler, work, rows = WaveSampler(preset, variables_of(network)), Work.of(preset), 32 * cpus()
    folds = (FOLD + OVERLAP) / FOLD
    took = _rows(sampler, preset, rows, frames, runs)
    cpu, wall = took.cpu * folds, took.wall * folds
    print(
        f"{preset.name} (GRU {preset.decoder.gru}, {preset.decoder.bits} bits, random weights), {rows} folds: "
        f"RTF {Time(cpu, wall).per(1)}, so {cpu / cpus():.2f} on {cpus()} free cores; the products alone need "
        f"{work.flops / machine.flops:.2f} CPU, and a row alone {work.steps * work.bytes / machine.memory:.2f} "
        "to read the weights from memory"
    )


def _rows(sampler: WaveSampler, preset: Preset, rows: int, frames: int, runs: int) -> Time:
    """A second of speech of the WaveRNN alone, where so many rows draw so many frames."""
    rng = np.random.default_rng(0)
    hop = preset.front_end.hop
    conditioning = rng.normal(size=(frames, 2 * preset.decoder.conditioning)).astype(np.float32)

    def draw() -> None:
        sampler.batch.draw(
            [Piece(sampler.row(), conditioning, rng.random((frames, hop), np.float32)) for _ in range(rows)]
        )

    took, seconds = _best(draw, runs), rows * frames * hop / preset.front_end.sample_rate
    return Time(took.cpu / seconds, took.wall / seconds)


def _naive(preset: Preset, arrays: Arrays) -> Time:
    """A second of speech by Keras' layers, called for one sample after the other, as a textbook has it."""
    network = WaveRNN(preset, name="wavernn")
    cfg, hop = preset.decoder, preset.front_end.hop
    network.build((None, None), (None, None, 2 * cfg.conditioning))
    assign_variables(network, {n: v for n, v in arrays.items() if n.startswith("wavernn/")})
    rng = np.random.default_rng(0)
    context = rng.normal(size=(1, NAIVE_FRAMES, 2 * cfg.conditioning)).astype(np.float32)
    silence = int(mulaw_encode(0.0, cfg.bits))

    def draw() -> None:
        state = np.zeros((1, cfg.gru), np.float32)
        last = [silence] * cfg.bunch
        for t in range(NAIVE_FRAMES * hop // cfg.bunch):
            inputs = network.conditioning_kernel(context[:, t * cfg.bunch // hop])
            for j, x in enumerate(last):
                embedded = network.embedding(np.array([x]))
                inputs += network.embedding_kernel(embedded)[:, 3 * cfg.gru * j : 3 * cfg.gru * (j + 1)]
            _, (state,) = network.gru.cell(inputs, [state])
            hidden = np.array(network.affine1(state)).reshape(cfg.bunch, cfg.affine)
            last = []
            for j in range(cfg.bunch):
                logits = np.asarray(network.affine2(np.maximum(hidden[j : j + 1], 0)))[0].astype(np.float64)
                shares = np.exp(logits - logits.max())
                last.append(int(rng.choice(len(shares), p=shares / shares.sum())))
                if j < cfg.bunch - 1:
                    said = network.bunch_kernels[j](network.embedding(np.array([last[j]])))
                    hidden[j + 1 :] += np.reshape(said, (cfg.bunch - 1 - j, cfg.affine))

    took, seconds = _best(draw, 1), NAIVE_FRAMES * hop / preset.front_end.sample_rate
    return Time(took.cpu / seconds, took.wall / seconds)


def _machine(weights: int, runs: int) -> Machine:
    rng = np.random.default_rng(0)
    matrix = rng.random((1024, 1024), np.float32)

    def read(size: int) -> float:
        """Bytes a second of a maximum, which reads each number once and does next to nothing with it."""
        numbers, times = np.ones(size // 4, np.float32), max(1, 2**28 // size)
        return size * times / _best(lambda: [numbers.max() for _ in range(times)], 3 * runs).cpu

    # Threads that wait for one another would count as work.
    with threadpool_limits(1):
        flops = 2 * 1024**3 / _best(lambda: matrix @ matrix, 3 * runs).cpu
        return Machine(flops, read(weights), read(2**28))


def _best(work: Callable[[], object], runs: int) -> Time:
    """The least CPU time of some runs after one that does not count, which may compile."""
    work()
    times = []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append(Time(time.process_time() - cpu, time.perf_counter() - wall))
    return min(times, key=lambda t: t.cpu)


if __name__ == "__main__":
    main()
