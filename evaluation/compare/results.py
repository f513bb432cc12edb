"""What was measured, as one table: every row with its tool, its form, and all that was measured on its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgy_tf.compress.recipe import Filters, Quantise, Recipe, Sparsity, Stage
from evaluation.compare.lines import Lines
from evaluation.compare.matrix import EDGY
from evaluation.compression.rows import Row
from evaluation.stages import StageCost
from evaluation.utility import Utility

LEFT, SHRUNK, ONLY = "as the tool leaves it", "physically shrunk", "–"


@dataclass(frozen=True)
class Result:
    """One file.

    Attributes:
        tool: that made it, or "–" for the release itself.
        recipe: that it follows; None for the release itself.
        form: ``LEFT`` or ``SHRUNK`` where filters were removed, ``ONLY`` elsewhere.
        row: its figures.
        words: by source; none where it was not made.
        cost: of one run; None where it was not made.
        instructions: for a second of audio on the emulated device; None where they were not counted.
        lines: that one writes; None for the release itself.
    """

    tool: str
    recipe: Recipe | None
    form: str
    row: Row
    words: Sequence[Utility] = ()
    cost: StageCost | None = None
    instructions: int | None = None
    lines: Lines | None = None

    @property
    def made(self) -> bool:
        """Whether there is a file."""
        return not self.row.reason

    @property
    def family(self) -> str:
        """What kind of recipe it follows."""
        stages = self.recipe.stages if self.recipe else ()
        return _kind(stages) + ("" if all(stage.fitted for stage in stages) else ", nothing fitted before")


def _kind(stages: Sequence[Stage]) -> str:
    match tuple(stages):
        case (Filters(),):
            return "fewer filters"
        case (Sparsity(method="l0"),):
            return "sparsity by regularisation"
        case (Sparsity(),):
            return "sparsity by magnitude"
        case (Quantise(),):
            return "int8 trained as such"
        case (Sparsity(), Quantise()):
            return "sparsity with int8"
        case (Filters(), Quantise()):
            return "fewer filters with int8"
    return "clusters"


def form_of(tool: str, recipe: Recipe, variant: str) -> str:
    """In which form a variant is."""
    if not any(isinstance(stage, Filters) for stage in recipe.stages):
        return ONLY
    return SHRUNK if tool == EDGY or variant.endswith("_shrunk") else LEFT
