"""What a Raspberry Pi pays for the released encoder: measured, kept as the budget, and shown as a page."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from edgy_tf.releases import find_release
from evaluation.report.markdown import table
from evaluation.userland.build import SOURCE
from evaluation.userland.devices import DEVICES
from evaluation.userland.instructions import count, seconds_of
from evaluation.userland.run import Userland
from pi_runtime import read_info
from pi_runtime.golden import RECORDING

BUDGET = Path(__file__).with_name("budget.json")
PAGE = SOURCE / "docs" / "raspberry-pi-figures.md"

RISE = 1.10
"""A figure may grow to this many times what ``budget.json`` says."""
CLOCK_HZ = 1.5e9
"""Of the device that shares are given of: at one instruction a cycle."""
BAR, GOAL = 0.05, 0.01
"""Share of the clock that encoding may take, and that it should take, on the 64-bit device."""
IMPORT_BAR_S = 1.0
INSTALL_BAR_BYTES = {"ai-edge-litert": 170_000_000, "tflite-runtime": 120_000_000}


@dataclass(frozen=True)
class Figures:
    """What one device with one interpreter pays.

    Attributes:
        encode_per_s: instructions per second of audio, int8 on one thread.
        chunk: instructions of the median chunk of one run of the model.
        imports: instructions of ``import pi_runtime``.
        load: instructions of opening the encoder.
        install_bytes: of the project, the interpreter and all they need, Python itself excepted.
    """

    encode_per_s: int
    chunk: int
    imports: int
    load: int
    install_bytes: int


def measure(userland: Userland, codes: Path) -> Figures:
    """Encode the golden recording on the device, write its codes to ``codes``, and count.

    Raises:
        UserlandError: it fails there.
    """
    found = count(userland, RECORDING, codes)
    return Figures(
        encode_per_s=round(found.encode / seconds_of(RECORDING)),
        chunk=found.chunk,
        imports=found.imports,
        load=found.load,
        install_bytes=userland.install_bytes(),
    )


def measure_all() -> dict[str, Figures]:
    """Every device with every interpreter, by ``Userland.name``."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for device in DEVICES.values():
            for runtime in device.runtimes:
                userland = Userland.open(device.name, runtime)
                figures[userland.name] = measure(userland, Path(folder) / "codes.npy")
    return figures


def read_budget() -> dict[str, Figures]:
    """The figures that were committed."""
    return {name: Figures(**figures) for name, figures in json.loads(BUDGET.read_text("utf-8")).items()}


def write_budget(figures: dict[str, Figures]) -> None:
    """Commit to these figures."""
    BUDGET.write_text(json.dumps({name: asdict(one) for name, one in figures.items()}, indent=1) + "\n", "utf-8")


def grown(found: Figures, budget: Figures) -> dict[str, float]:
    """Figures that are more than ``RISE`` times the committed ones, and how many times."""
    ratios = {name: value / getattr(budget, name) for name, value in asdict(found).items()}
    return {name: ratio for name, ratio in ratios.items() if ratio > RISE}


def page(figures: dict[str, Figures]) -> str:
    """The figures as Markdown."""
    info = read_info(find_release("pi").encoder("int8"))
    rows = []
    for name, one in figures.items():
        device, runtime = name.split("/")
        rows.append(
            [
                f"{device}, {DEVICES[device].cpu}",
                runtime,
                f"{one.encode_per_s / 1e6:.1f} M",
                f"{100 * one.encode_per_s / CLOCK_HZ:.2f} %",
                f"{one.chunk / 1e6:.2f} M",
                f"{one.imports / 1e6:.1f} M",
                f"{one.load / 1e6:.1f} M",
                f"{one.install_bytes / 1e6:.0f} MB",
            ]
        )
    head = ["device", "interpreter", "a second of audio", "share", "median chunk", "import", "load", "installed"]
    limits = ", ".join(f"{size / 1e6:.0f} MB with {runtime}" for runtime, size in INSTALL_BAR_BYTES.items())
    return f"""\
# Figures of an emulated Raspberry Pi

Release `pi`, int8, one thread, on the recording that ships. Written by `python -m evaluation.userland figures`, which
`make pi-userland` prepares. An emulator counts instructions exactly and knows nothing of a Pi's milliseconds: for these
run `edgy-edge bench` on the device.

{table(head, rows)}

- *share*: of a core at {CLOCK_HZ / 1e9:g} GHz that completes one instruction a cycle. On arm64 {100 * BAR:g} % is the
  bar and {100 * GOAL:g} % the goal.
- *median chunk*: {1000 * info.advance / info.sample_rate:g} ms of audio, {info.block} codes, one run of the model. The
  algorithm waits for a whole chunk and for {info.lookahead_ms:g} ms of look-ahead; at the median this work delays codes
  further. On a Pi `edgy-edge bench` gives it in milliseconds.
- The first chunk of an utterance costs {1 + info.warm_up} runs, for what the model remembers of the one before must go.
- *import*: `import pi_runtime`, NumPy included, with Python's bytecode at hand; at most {IMPORT_BAR_S:g} s of that
  core.
- *load*: the interpreter's library and the model.
- *installed*: what `pip install 'edgy-tf[pi]'` puts on the device, unpacked, with NumPy and Python's bytecode; at most
  {limits}. On armhf NumPy is Debian's.

The tests count again and fail where any of these has grown by more than {100 * (RISE - 1):.0f} %.
"""
