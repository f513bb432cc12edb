"""The search of the codebook in integers: the same code on every machine, whatever its floats are like.

The latents are a linear map of the last convolution's int8 units, and so are the scores of all codes,
``z . c - |c|^2 / 2``. In steps of one common size that map becomes int16, whose error lies far below that of the units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converters.micro.graph import MicroGraph
from edgy_tf.errors import ModelError

_LARGEST = 32767


@dataclass(frozen=True)
class Search:
    """What a microcontroller finds the nearest code with.

    Attributes:
        weights: int16 ``[K, units]``.
        offset: int32 ``[K]``.
    """

    weights: npt.NDArray[np.int16]
    offset: npt.NDArray[np.int32]

    def codes(self, units: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Codes ``[n]`` of int8 ``units [n, units]``: of the highest score, the first of several."""
        scores = np.asarray(units, np.int64) @ self.weights.T.astype(np.int64) + self.offset
        return scores.argmax(1).astype(np.int32)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.weights.nbytes + self.offset.nbytes


def integer_search(graph: MicroGraph) -> Search:
    """Turn the float layers behind the convolutions into integers.

    Raises:
        ModelError: codes that lie so much farther apart than one unit can reach that int32 does not hold them.
    """
    matrix, offset = graph.scores
    matrix = matrix * graph.units.scale
    step = np.abs(matrix).max() / _LARGEST
    weights = np.round(matrix / step).astype(np.int16)
    whole = np.round(offset / step) - graph.units.zero * weights.sum(1, dtype=np.int64)
    if not np.isfinite(whole).all() or np.abs(whole).max() >= 2**31:
        raise ModelError("the codebook's vectors are too long for its encoder; train it with encoder.normalise = true")
    return Search(weights, whole.astype(np.int32))
