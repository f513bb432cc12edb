"""How much faster fewer filters are: predicted from multiply-accumulates, measured, and counted on an emulated Pi.

The time does not depend on what weights are, so nothing is trained: every share of the filters is measured within
minutes, in float32 and int8, against the whole network in the same numbers and the same run.

python -m evaluation.compression.speed pi --out docs
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from converters.encoder import convert_encoder
from edgy_tf.cli.arguments import positive
from edgy_tf.compress.filters import remove_filters
from edgy_tf.cost import cost_of
from edgy_tf.errors import EdgyError
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from evaluation.cost import machine
from evaluation.report.markdown import table
from evaluation.stages import StageCost, measured_in_turn
from evaluation.userland.devices import UserlandError
from evaluation.userland.instructions import A72, emulated, per_second

RATES = (0.0, 0.2, 0.4, 0.6)
NUMBERS = ("float32", "int8")
SECONDS, RUNS = 10, 60
"""Of audio in a measured run, and how many there are."""
PAGE = "filter-pruning.md"


@dataclass(frozen=True)
class Speed:
    """One width in one kind of numbers.

    Attributes:
        rate: share of the filters that are gone, 0 to 1.
        numbers: of the convolutions.
        units: filters that are left of each layer.
        macs: multiply-accumulates per second of audio.
        cost: of log-mel to codes, ``SECONDS`` of audio in a run.
        instructions: of an emulated Cortex-A72 for a second of audio, log-mel included; None where there is none.
    """

    rate: float
    numbers: str
    units: int
    macs: float
    cost: StageCost
    instructions: int | None


def speeds(network: Network, runs: int = RUNS, rates: Sequence[float] = RATES) -> list[Speed]:
    """Measure a network with a share of its filters removed, the whole one first.

    Args:
        network: any.
        runs: measured ones of each.
        rates: shares of the filters.

    Raises:
        ModelError: the preset cannot be narrowed so.
    """
    preset = network.preset
    smaller = {rate: remove_filters(network, "gm", rate) if rate else network for rate in rates}
    # Ranges do not matter for the time either.
    mel = np.random.default_rng(0).random((preset.frames_for(50), preset.front_end.mels), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = {(numbers, rate): Path(folder) / f"{numbers}-{rate}.tflite" for numbers in NUMBERS for rate in rates}
        for (numbers, rate), path in files.items():
            path.write_bytes(convert_encoder(smaller[rate], numbers, [mel], "not for use"))
        job = {
            "stage": "network",
            "preset": asdict(preset),
            "samples": SECONDS * preset.front_end.sample_rate,
            "threads": 1,
            "runs": runs,
            "warmup_runs": 1,
        }
        costs = measured_in_turn([job | {"path": str(path)} for path in files.values()])
        counts = _counted(files)
    return [
        Speed(rate, numbers, small.encoder.units, cost_of(small).encoder_macs, cost, counts.get((numbers, rate)))
        for ((numbers, rate), cost) in zip(files, costs, strict=True)
        for small in [smaller[rate].preset]
    ]


def _counted(files: Mapping[tuple[str, float], Path]) -> dict[tuple[str, float], int]:
    """Instructions by file; empty where no device is emulated."""
    try:
        device = emulated(*A72)
    except UserlandError as error:
        print(f"instructions are not counted: {error}", file=sys.stderr)
        return {}
    return {key: per_second(device, path) for key, path in files.items()}


def page(found: Sequence[Speed], release: str, command: str, machine: str) -> str:
    """The speeds as Markdown, each against the whole network in the same numbers."""
    head = ["numbers", "filters removed", "units", "MMAC/s", "predicted", "measured", "CPU ms per second"]
    head += ["instructions, fewer by", "M instructions per second"]
    rows = []
    for one in found:
        whole = next(other for other in found if (other.numbers, other.rate) == (one.numbers, 0))
        rows.append(
            [
                one.numbers,
                f"{100 * one.rate:g} %",
                str(one.units),
                f"{one.macs / 1e6:.1f}",
                f"{whole.macs / one.macs:.2f}",
                f"{whole.cost.cpu_s / one.cost.cpu_s:.2f}",
                f"{1e3 * one.cost.cpu_s / SECONDS:.2f}",
                f"{whole.instructions / one.instructions:.2f}" if whole.instructions and one.instructions else "–",
                f"{one.instructions / 1e6:.1f}" if one.instructions else "–",
            ]
        )
    return f"""\
# What fewer filters save

Of {release}, on {machine}. Written by `{command}`.

{table(head, rows)}

- *predicted*: how many times fewer multiply-accumulates the encoder has than the whole one.
- *measured*: how many times less CPU time one x86 thread takes from log-mel to codes, by ai-edge-litert. All lines are
  measured in turn in one run, some runs of each, round and round; the median of each counts.
- *instructions*: of an emulated Cortex-A72, from samples to codes: log-mel is the same for all and stays float.

Codes that the pruned network gives after fine-tuning: recipes `PFL1_20` to `PFGM_60`, `make compression`.
"""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="How much faster fewer filters are.")
    parser.add_argument("release", help="name of a release, or a folder of one")
    parser.add_argument("--runs", type=positive, default=RUNS, help=f"measured ones of each (default: {RUNS})")
    parser.add_argument("--out", type=Path, help=f"folder that gets {PAGE} (default: it is only printed)")
    args = parser.parse_args()
    try:
        release = find_release(args.release)
        found = speeds(Network.load(release.network), args.runs)
    except EdgyError as error:
        sys.exit(f"speed: {error}")
    command = f"python -m evaluation.compression.speed {release.name}" + (" --out docs" if args.out else "")
    text = page(found, release.title, command, machine())
    print(text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / PAGE).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
