"""A firmware of an exported library for an emulated board: built, run on speech, its instructions counted."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.micro.boards import Board
from evaluation.micro.network import network_source
from evaluation.micro.tools import FOLDER, call, sources
from evaluation.userland.instructions import PLUGIN

C = Path(__file__).with_name("c")
FLAGS = ("-O3", "-ffp-contract=off", "-DARM_MATH_LOOPUNROLL", "-ffunction-sections", "-fdata-sections")
STRICT = ("-std=gnu11", "-Wall", "-Wextra", "-Werror")
Pcm = npt.NDArray[np.int16]
Codes = npt.NDArray[np.int32]
Levels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Trace:
    """What a board did with utterances.

    Attributes:
        levels: what each step of the network took, of all utterances: ``[steps, frames, mels]``.
        codes: of each utterance.
        instructions: of the whole run; 0 where they were not counted.
    """

    levels: Levels
    codes: list[Codes]
    instructions: int = 0


@dataclass(frozen=True)
class Firmware:
    """An ELF file, and the board that it is for.

    Attributes:
        board: where it runs.
        elf: the file.
        step: shape of what a step of the network takes, ``(frames, mels)``.
    """

    board: Board
    elf: Path
    step: tuple[int, int]

    def trace(self, utterances: Sequence[Pcm], plugin: Path | None = None) -> Trace:
        """Encode utterances of the firmware ``trace``, each as a stream of its own; count by the plugin, if given.

        Raises:
            MicroError: it fails there.
        """
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "in").write_bytes(b"".join(np.int32(len(u)).tobytes() + u.tobytes() for u in utterances))
            instructions = self.run(folder, plugin)
            levels = np.fromfile(folder / "levels", np.int8).reshape(-1, *self.step)
            data, codes = (folder / "codes").read_bytes(), []
            while data:
                count = int(np.frombuffer(data, np.int32, 1)[0])
                codes.append(np.frombuffer(data, np.uint16, count, 4).astype(np.int32))
                data = data[4 + 2 * count :]
        return Trace(levels, codes, instructions)

    def run(self, folder: Path, plugin: Path | None = None) -> int:
        """Run in ``folder``, whose files it sees; instructions, or 0 without the plugin.

        Raises:
            MicroError: it fails there.
        """
        semihosting = ["-semihosting-config", "enable=on,target=native"]
        command = [
            "qemu-system-arm",
            "-machine",
            self.board.machine,
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
        ]
        command += [*semihosting, "-kernel", str(self.elf.resolve())]
        command += ["-plugin", f"{plugin},out=counts"] if plugin else []
        call(command, folder)
        return int((folder / "counts").read_text("ascii").split()[-1]) if plugin else 0

    def memory(self) -> dict[str, int]:
        """Bytes of flash and of RAM without the stack, by ``arm-none-eabi-size``."""
        _, numbers = call(["arm-none-eabi-size", str(self.elf)]).splitlines()
        text, data, bss = map(int, numbers.split()[:3])
        return {"flash": text + data, "ram": data + bss}


def build_plugin(folder: Path) -> Path:
    """Compile the plugin that counts.

    Raises:
        MicroError: it does not compile.
    """
    plugin = folder / "count.so"
    call(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(plugin), str(PLUGIN)])
    return plugin


def build(library: Path, board: Board, folder: Path, program: str = "trace", tools: Path = FOLDER) -> Firmware:
    """Compile the library with a program for a board.

    Args:
        library: that ``edgy export --target micro`` wrote.
        board: to run on.
        folder: for the files that come of it.
        program: ``trace``, which writes what happens inside, or ``example``, the library's own.
        tools: what `evaluation.micro.tools.get_tools` made.

    Raises:
        MicroError: a tool is missing, or it does not compile without a warning.
    """
    kernels, headers = sources(tools)
    out = folder / board.name
    out.mkdir(parents=True, exist_ok=True)
    network = out / "edgy_network_cmsis.c"
    network.write_text(network_source((library / "src" / "edgy_encoder.tflite").read_bytes()), "ascii")
    ours = [f for f in (library / "src").glob("*.c") if f.name != "edgy_encoder_model_data.c"]
    mains = {"trace": [C / "trace.c"], "example": [library / "examples/encode/main.c", C / "board.c"]}[program]
    includes = [f"-I{f}" for f in (library / "src", C, *headers)]
    compiler = ["arm-none-eabi-gcc", *board.flags, *FLAGS]
    # Arm's files do not depend on the library, and are most of the work.
    kept = tools / "objects" / hashlib.sha256(" ".join(compiler).encode()).hexdigest()[:16]
    kept.mkdir(parents=True, exist_ok=True)

    def compile_one(source: Path) -> Path:
        target = (kept if source in kernels else out) / f"{source.stem}.o"
        if source in kernels and target.exists():
            return target
        warnings = ["-w"] if source in kernels or source == network else STRICT
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            # Another process may want it, too.
            whole = Path(temporary) / target.name
            call([*compiler, *warnings, *includes, "-c", str(source), "-o", str(whole)])
            whole.rename(target)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, [*ours, *mains, C / "startup.c", C / "host.c", network, *kernels]))
    elf = out / f"{program}.elf"
    places = zip(("code_at", "code_bytes", "data_at", "data_bytes"), (*board.code, *board.data), strict=True)
    link = [f"-Wl,--defsym={name}={value}" for name, value in places]
    link += [
        "-nostartfiles",
        "--specs=nano.specs",
        "--specs=nosys.specs",
        "-Wl,--gc-sections",
        f"-T{C / 'firmware.ld'}",
    ]
    link += ["-Wl,--wrap=edgy_network_step"] if program == "trace" else []
    call(["arm-none-eabi-gcc", *board.flags, *link, *map(str, objects), "-lm", "-o", str(elf)])
    return Firmware(board, elf, _step(library))


def _step(library: Path) -> tuple[int, int]:
    config = (library / "src" / "edgy_config.h").read_text("ascii")
    found = dict(
        line.split()[1:3] for line in config.splitlines() if line.startswith("#define EDGY_") and len(line.split()) > 2
    )
    return int(found["EDGY_FRAMES"]), int(found["EDGY_MELS"])
