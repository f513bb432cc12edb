"""What an encoder costs on a machine: time, memory, size and bits.

    python -m evaluation.cost --release pi --variant int8 --seconds 10 --runs 20

The words are those of TFLite's ``benchmark_model``: *init* opens the model and allocates its tensors; each stage is
run ``warmup_runs`` times unmeasured, then ``num_runs`` times; ``num_threads`` are the interpreter's. A release's
``.tflite`` takes samples, so *encode* holds the front end, and the interpreter's Python interface has no profile of
single operators. *front_end* is therefore our NumPy front end on the same samples, for scale: it computes what the
front end inside the model computes, in as large pieces, but its time is no part of *encode*'s.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from edgy_tf.cli.arguments import positive
from edgy_tf.cost import cost_of
from edgy_tf.cpus import cpus
from edgy_tf.errors import EdgyError
from edgy_tf.preset import preset_from_dict
from edgy_tf.releases import find_release
from evaluation.stages import StageCost, measured
from pi_runtime import read_info

STAGES = ("init", "front_end", "encode")


@dataclass(frozen=True)
class EncoderCost:
    """One encoder with one number of threads.

    Attributes:
        release: its name.
        variant: of the encoder.
        num_threads: of the interpreter.
        warmup_runs: of each stage, unmeasured.
        num_runs: of each stage, measured.
        audio_s: seconds of audio that ``front_end`` and ``encode`` process in a run.
        model_bytes: size of the ``.tflite``.
        gzip_bytes: the same, compressed at the highest level.
        macs_per_s: multiply-accumulates per second of audio, by arithmetic (`edgy_tf.cost`), without the front end.
        bits_per_s: per second of audio, packed, without entropy coding and packets.
        stages: in the order of ``STAGES``.
    """

    release: str
    variant: str
    num_threads: int
    warmup_runs: int
    num_runs: int
    audio_s: float
    model_bytes: int
    gzip_bytes: int
    macs_per_s: float
    bits_per_s: float
    stages: tuple[StageCost, ...]


def measure_cost(
    release: str = "pi", variant: str = "int8", seconds: float = 10, runs: int = 20, warmup_runs: int = 1
) -> list[EncoderCost]:
    """Measure an encoder with one thread and, where there are more, with one for each CPU.

    Args:
        release: an installed release, or a folder that ``edgy export`` wrote.
        variant: its encoder.
        seconds: of audio in a run; noise, because the time does not depend on what is said.
        runs: measured ones of each stage.
        warmup_runs: unmeasured ones before them, at least 1.

    Returns:
        one entry per number of threads; ``dataclasses.asdict`` of it goes into JSON.

    Raises:
        ModelError: no such release or variant, or its model does not run here.
    """
    found = find_release(release)
    path = found.encoder(variant)
    model = path.read_bytes()
    info = read_info(path)
    arithmetic = cost_of(preset_from_dict(found.preset, found.name))
    job = {
        "path": str(path),
        "preset": found.preset,
        "samples": round(seconds * info.sample_rate),
        "chunk": info.advance,
        "runs": runs,
        "warmup_runs": warmup_runs,
    }
    costs = []
    for threads in sorted({1, cpus()}):
        stages = tuple(measured(job | {"stage": stage, "threads": threads}) for stage in STAGES)
        costs.append(
            EncoderCost(
                release=found.name,
                variant=variant,
                num_threads=threads,
                warmup_runs=warmup_runs,
                num_runs=runs,
                audio_s=seconds,
                model_bytes=len(model),
                gzip_bytes=len(gzip.compress(model, 9)),
                macs_per_s=arithmetic.encoder_macs,
                bits_per_s=arithmetic.bit_rate,
                stages=stages,
            )
        )
    return costs


def machine() -> str:
    """What this machine is, without its name."""
    processor = f"{platform.machine()} ({found})" if (found := _processor()) else platform.machine()
    return f"{processor}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def _processor() -> str:
    """What Linux calls it; empty elsewhere, and where it has no name for it. Sums have another order on another one."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def table(costs: list[EncoderCost]) -> str:
    """The costs as text, one line per stage and number of threads."""
    one = costs[0]
    lines = [
        f"{one.release} {one.variant}: {one.model_bytes / 1e3:.0f} kB, {one.gzip_bytes / 1e3:.0f} kB gzipped, "
        f"{one.macs_per_s / 1e6:.1f} M multiply-accumulates and {one.bits_per_s:.0f} bits per second of audio",
        f"{one.audio_s:g} s of audio, {one.warmup_runs} warm-up runs, {one.num_runs} runs",
        "threads  stage      first ms  wall ms (p95)       CPU ms (p95)        peak RSS MB  Python peak MB",
    ]
    for cost in costs:
        for s in cost.stages:
            lines.append(
                f"{cost.num_threads:7}  {s.stage:9} {1e3 * s.first_wall_s:9.2f}  "
                f"{1e3 * s.wall_s:8.2f} ({1e3 * s.wall_p95_s:8.2f}) {1e3 * s.cpu_s:8.2f} ({1e3 * s.cpu_p95_s:8.2f}) "
                f"{s.peak_rss_bytes / 1e6:12.1f}  {s.python_peak_bytes / 1e6:14.3f}"
            )
    return "\n".join(lines)


def main() -> int:
    """Print the table, and write it as JSON where asked; the exit status."""
    parser = argparse.ArgumentParser(description="What an encoder costs on this machine.")
    parser.add_argument("--release", default="pi")
    parser.add_argument("--variant", default="int8")
    parser.add_argument("--seconds", type=positive, default=10, help="of audio in a run (default: 10)")
    parser.add_argument("--runs", type=positive, default=20, help="measured runs of each stage (default: 20)")
    parser.add_argument("--json", type=Path, help="write every figure here")
    args = parser.parse_args()
    try:
        costs = measure_cost(args.release, args.variant, args.seconds, args.runs)
    except EdgyError as error:
        print(f"cost: {error}", file=sys.stderr)
        return 2
    print(table(costs))
    if args.json:
        args.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
