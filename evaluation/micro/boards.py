"""The emulated boards: one without and one with vectors."""

from __future__ import annotations

from dataclasses import dataclass

from edgy_tf.errors import EdgyError


class MicroError(EdgyError):
    """A tool is missing, or a firmware does not build or run."""


@dataclass(frozen=True)
class Board:
    """A board as qemu-system-arm plays it.

    Attributes:
        name: of its processor.
        machine: qemu's name of the board.
        flags: that the compiler takes.
        code: address and bytes of the memory for code and constants; the vectors lie at its start.
        data: address and bytes of the memory for variables.
    """

    name: str
    machine: str
    flags: tuple[str, ...]
    code: tuple[int, int]
    data: tuple[int, int]


BOARDS = {
    "cortex-m4": Board(
        name="cortex-m4",
        machine="mps2-an386",
        flags=("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-mthumb"),
        code=(0x00000000, 4 << 20),
        data=(0x20000000, 4 << 20),
    ),
    "cortex-m55": Board(
        name="cortex-m55",
        machine="mps3-an547",
        flags=("-mcpu=cortex-m55", "-mfloat-abi=hard", "-mthumb"),
        code=(0x10000000, 512 << 10),
        data=(0x11000000, 2 << 20),
    ),
}
