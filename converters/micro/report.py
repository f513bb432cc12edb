"""What an encoder asks of a board: its operators and its memory, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converters.micro.arena import arena_bytes
from converters.micro.graph import MicroGraph, micro_graph
from converters.micro.search import Search, integer_search
from edgy_tf.errors import ModelError
from edgy_tf.frontend.logmel import mel_filters
from edgy_tf.preset import FrontEnd
from pi_runtime.model_file import ModelInfo, read_info

FLASH, ARENA = 256 << 10, 64 << 10
"""Bytes that a board gives to network and codebook, and to the arena, unless told otherwise."""
FFTS = (32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Lengths of a transform that CMSIS-DSP has."""


@dataclass(frozen=True)
class MicroReport:
    """What an encoder asks of a board; nothing is written yet.

    Attributes:
        info: the encoder's own description.
        graph: what runs in TensorFlow Lite Micro.
        search: what finds the codes.
        front_end: what makes the log-mel.
        arena: bytes, measured.
    """

    info: ModelInfo
    graph: MicroGraph
    search: Search
    front_end: FrontEnd
    arena: int

    @property
    def context(self) -> int:
        """Frames that a code depends on, but for those of its own step."""
        return self.info.receptive_field - self.graph.mel.shape[1]

    @property
    def lead(self) -> int:
        """Frames of anything before the silence that a stream begins with, so that steps end where codes do."""
        return -self.context % self.graph.mel.shape[1]

    @property
    def unready(self) -> int:
        """Steps until the states are full."""
        return -(-self.context // self.graph.mel.shape[1])

    @property
    def flash(self) -> int:
        """Bytes of the network and the codebook."""
        return len(self.graph.model) + self.search.size

    @property
    def tables(self) -> int:
        """Bytes of the front end's tables, but for those of CMSIS-DSP."""
        first, count, weights = mel_runs(self.front_end)
        return 4 * (self.front_end.window + len(weights)) + 2 * (len(first) + len(count))

    @property
    def ram(self) -> int:
        """Bytes beside the arena: states, the frame that is being filled, and the transform's two buffers."""
        _, frames, mels = self.graph.mel.shape
        return self.graph.states + 4 * self.front_end.window + frames * mels + 8 * self.front_end.n_fft

    def __str__(self) -> str:
        """Operators and memory, a line each."""
        operators = [f"  {name:16} {count:3}  in TFLM" for name, count in sorted(self.graph.operators.items())]
        return "\n".join(
            [
                f"{self.info.preset} {self.info.variant}, codebook {self.info.codebook_id}",
                "operators of a step:",
                *operators,
                f"flash: {len(self.graph.model):,} bytes of network, {self.search.size:,} of codebook, "
                f"{self.tables:,} of tables",
                f"arena: {self.arena:,} bytes, measured with TensorFlow Lite Micro; {self.ram:,} bytes beside it",
            ]
        )


def plan(path: Path, flash: int = FLASH, arena: int = ARENA) -> MicroReport:
    """Check an encoder and measure what it needs.

    Args:
        path: an encoder in int8, as ``edgy export`` and ``edgy compress`` write it.
        flash: bytes that network and codebook may take.
        arena: bytes that tensors may take.

    Raises:
        ModelError: not an encoder, one that TFLM does not run, or one that is too large.
        MissingDependencyError: tflite-micro is not installed.
    """
    info = read_info(path)
    graph = micro_graph(path.read_bytes())
    if info.front_end is None:
        raise ModelError(f"{path} does not say what its front end is; export it again")
    if info.levelled:
        raise ModelError(
            f"{path} hears speech at one level, which the library in C does not make yet; take one that is not"
        )
    front_end = FrontEnd(**info.front_end)
    if front_end.n_fft not in FFTS:
        raise ModelError(f"CMSIS-DSP has no transform of {front_end.n_fft} samples; train with n_fft = 512")
    report = MicroReport(info, graph, integer_search(graph), front_end, arena_bytes(graph.model))
    for what, needs, has in (("arena", report.arena, arena), ("flash", report.flash, flash)):
        if needs > has:
            where = f" ({graph.widest} takes the most)" if what == "arena" else ""
            raise ModelError(
                f"the encoder needs {needs:,} bytes of {what}{where}, more than {has:,}; "
                f"take one of fewer units, or give --{what} KB if your board has more"
            )
    return report


def mel_runs(fe: FrontEnd) -> tuple[list[int], list[int], list[float]]:
    """First bin and number of bins of each filter, and all weights; a filter between two bins has none."""
    first: list[int] = []
    count: list[int] = []
    weights: list[float] = []
    for row in mel_filters(fe):
        used = np.flatnonzero(row)
        first.append(int(used[0]) if len(used) else 0)
        count.append(len(used))
        weights += row[used].tolist()
    return first, count, weights
