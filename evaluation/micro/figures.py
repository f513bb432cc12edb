"""What a microcontroller pays for an encoder: measured, kept as the budget, and shown as a page."""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from converters.micro import MicroReport
from edgy_tf.corpora import read_pcm16
from evaluation.micro.boards import BOARDS, MicroError
from evaluation.micro.firmware import Firmware, Pcm
from evaluation.micro.tools import FOLDER, call
from evaluation.report.markdown import table
from pi_runtime.golden import RECORDING

BUDGET = Path(__file__).with_name("budget.json")
PAGE = Path(__file__).parents[2] / "docs" / "microcontrollers-figures.md"

RISE = 1.10
"""A figure may grow to this many times what ``budget.json`` says."""
CLOCK_HZ, BAR = 168e6, 0.25
"""Of a Cortex-M4, at one instruction a cycle, and the share of it that encoding may take."""
NPU, NPU_HZ = "ethos-u55-128", 500e6


@dataclass(frozen=True)
class Figures:
    """What one board pays.

    Attributes:
        encode_per_s: instructions per second of audio, from samples to codes.
        flash: bytes of the whole firmware, with what reads and writes files.
        ram: bytes of its variables, without the stack.
    """

    encode_per_s: int
    flash: int
    ram: int


@dataclass(frozen=True)
class Estimate:
    """What Vela expects of an Ethos-U NPU. Nothing was run.

    Attributes:
        cycles: of a step, which is one code.
        sram: bytes.
        npu: share of the operators that the NPU runs, 0 to 1.
    """

    cycles: int
    sram: int
    npu: float


def measure(firmware: Firmware, plugin: Path, speech: Pcm) -> Figures:
    """Encode on a board and count; what starts and ends a run is not encoding.

    Raises:
        MicroError: it fails there.
    """
    nothing = firmware.trace([], plugin).instructions
    whole = firmware.trace([speech], plugin).instructions
    return Figures(encode_per_s=round((whole - nothing) * 16000 / len(speech)), **firmware.memory())


def recording() -> Pcm:
    """The speech that is measured on."""
    return np.asarray(read_pcm16(RECORDING))


def vela(report: MicroReport, tools: Path = FOLDER) -> Estimate:
    """Vela's estimate for the network.

    Raises:
        MicroError: Vela is not there, or refuses the network.
    """
    program = tools / "vela" / "bin" / "vela"
    if not program.exists():
        raise MicroError("Vela is not there; run: make micro-tools")
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "network.tflite").write_bytes(report.graph.model)
        said = call([str(program.absolute()), "network.tflite", "--accelerator-config", NPU], Path(temporary))
        (summary,) = Path(temporary).glob("output/*_summary_*.csv")
        (row,) = csv.DictReader(summary.read_text("utf-8").splitlines())
    share = next(line for line in said.splitlines() if line.startswith("NPU operators")).split("(")[1].split("%")[0]
    sram = round(1024 * float(row["sram_memory_used"]))
    return Estimate(round(float(row["cycles_total"])), sram, float(share) / 100)


def read_budget() -> tuple[dict[str, Figures], Estimate]:
    """The figures that were committed, by board, and Vela's estimate of then."""
    budget = json.loads(BUDGET.read_text("utf-8"))
    return {name: Figures(**figures) for name, figures in budget["boards"].items()}, Estimate(**budget["ethos-u"])


def write_budget(figures: dict[str, Figures], estimate: Estimate) -> None:
    """Commit to these figures."""
    about = {"boards": {name: asdict(one) for name, one in figures.items()}, "ethos-u": asdict(estimate)}
    BUDGET.write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def grown(found: Figures, budget: Figures) -> dict[str, float]:
    """Figures that are more than ``RISE`` times the committed ones, and how many times."""
    ratios = {name: value / getattr(budget, name) for name, value in asdict(found).items()}
    return {name: ratio for name, ratio in ratios.items() if ratio > RISE}


def page(figures: dict[str, Figures], estimate: Estimate) -> str:
    """The figures as Markdown."""
    rows = [
        [
            f"{name} ({BOARDS[name].machine})",
            f"{one.encode_per_s / 1e6:.1f} M",
            f"{100 * one.encode_per_s / CLOCK_HZ:.1f} %",
            f"{one.flash / 1e3:.1f} kB",
            f"{one.ram / 1e3:.1f} kB",
        ]
        for name, one in figures.items()
    ]
    milliseconds = 1e3 * estimate.cycles / NPU_HZ
    return f"""\
# Figures of an emulated microcontroller

The release `micro` on the recording that ships, samples in, codes out. Written by `python -m evaluation.micro figures`,
which `make micro-tools` prepares.
The front end, the search of the codebook and all else is the exported library's own C; the network runs on CMSIS-NN,
whose kernels TensorFlow Lite Micro calls, too. An emulator counts instructions exactly and knows nothing of a board's
milliseconds.

{table(["board", "a second of audio", f"share of {CLOCK_HZ / 1e6:g} MHz", "flash", "RAM"], rows)}

- *share*: at one instruction a cycle; {100 * BAR:g} % is the bar on a Cortex-M4.
- *flash*, *RAM*: of the whole firmware, by `arm-none-eabi-size`, with what reads and writes files of the emulator; RAM
  without the stack, and with a buffer for a minute of codes.

The tests count again and fail where any of these has grown by more than {100 * (RISE - 1):.0f} %.

**An estimate, not a measurement:** Vela expects {estimate.cycles:,} cycles a code of an {NPU},
{milliseconds:.2f} ms at {NPU_HZ / 1e6:g} MHz, and {estimate.sram:,} bytes of SRAM. {100 * estimate.npu:.0f} % of the
network's operators run on the NPU.
"""
