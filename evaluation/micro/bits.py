"""Are the codes of the boards those of TensorFlow Lite Micro and of Python, bit for bit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converters.micro import MicroReport
from edgy_tf.corpora import to_float32
from edgy_tf.frontend import log_mel
from evaluation.micro.firmware import Firmware, Pcm, Trace
from evaluation.micro.reference import REFERENCES
from pi_runtime import EdgeEncoder


@dataclass(frozen=True)
class Bits:
    """One board.

    Attributes:
        board: its name.
        codes: how many it gave.
        equal: how many of them each reference gives for the same levels, by its name.
        levels: how many it made.
        levels_equal: of these, how many the front end in NumPy makes, too.
        levels_off: the largest difference, in steps of the network's input.
        pcm_equal: codes that the release's own ``.tflite`` gives for the same sound, on this machine.
    """

    board: str
    codes: int
    equal: dict[str, int]
    levels: int
    levels_equal: int
    levels_off: int
    pcm_equal: int

    def __str__(self) -> str:
        """Lines for a person."""
        references = [f"  {name}: {n} of {self.codes} codes equal" for name, n in self.equal.items()]
        return "\n".join(
            [
                self.board,
                *references,
                f"  front end in NumPy: {100 * self.levels_equal / self.levels:.3f} % of {self.levels:,} levels equal, "
                f"none off by more than {self.levels_off}",
                f"  the .tflite from sound: {100 * self.pcm_equal / self.codes:.2f} % of codes equal",
            ]
        )


def compare(report: MicroReport, encoder: Path, firmware: Firmware, utterances: Sequence[Pcm]) -> Bits:
    """Run utterances on a board, and the levels that it made through every reference.

    Args:
        report: of the library that the firmware is of.
        encoder: the ``.tflite`` that the library was made of.
        firmware: the program ``trace``.
        utterances: int16, 16 kHz, none of them empty.

    Raises:
        MicroError: the board or a reference fails.
    """
    trace = firmware.trace(utterances)
    begins, taken = _steps(report, trace)
    equal = {}
    for name, run in REFERENCES.items():
        codes = report.search.codes(run(report, trace.levels, begins)[taken])
        equal[name] = int(np.sum(codes == np.concatenate(trace.codes)))
    ours = np.concatenate(
        [levels_of(report, pcm, len(codes)) for pcm, codes in zip(utterances, trace.codes, strict=True)]
    )
    off = np.abs(ours.astype(int) - trace.levels.reshape(ours.shape))
    session = EdgeEncoder(encoder)
    from_pcm = np.concatenate([session.encode(pcm) for pcm in utterances])
    return Bits(
        board=firmware.board.name,
        codes=len(from_pcm),
        equal=equal,
        levels=ours.size,
        levels_equal=int(np.sum(off == 0)),
        levels_off=int(off.max(initial=0)),
        pcm_equal=int(np.sum(from_pcm == np.concatenate(trace.codes))),
    )


def levels_of(report: MicroReport, pcm: Pcm, codes: int) -> npt.NDArray[np.int8]:
    """What the front end in NumPy makes of a recording, for every step of ``codes`` codes: ``[frames, mels]``."""
    info, mel = report.info, report.graph.mel
    _, step, _ = mel.shape
    hop = report.front_end.hop
    before, frames = info.history * hop, (report.unready + codes) * step
    after = max(0, (frames - report.lead) * hop - before - len(pcm))
    features = log_mel(np.pad(to_float32(pcm), (before, after)), report.front_end)[: frames - report.lead]
    # As TFLite rounds: halves away from zero; no feature is negative.
    levels = np.floor(features / np.float32(mel.scale) + 0.5).astype(int) + mel.zero
    silence = np.full((report.lead, features.shape[1]), mel.zero)
    return np.clip(np.concatenate([silence, levels]), -128, 127).astype(np.int8)


def _steps(report: MicroReport, trace: Trace) -> tuple[list[int], npt.NDArray[np.int64]]:
    """Steps at which a stream begins, and those that give codes."""
    begins, taken, at = [], [], 0
    for codes in trace.codes:
        begins.append(at)
        taken.append(np.arange(at + report.unready, at + report.unready + len(codes)))
        at += report.unready + len(codes)
    return begins, np.concatenate(taken)
