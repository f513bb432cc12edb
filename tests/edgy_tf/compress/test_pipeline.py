"""A recipe's stages, end to end on the tiny network: what is promised is what is stored."""

from pathlib import Path

import numpy as np
import pytest

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import compress
from edgy_tf.compress.recipe import Filters, Quantise, Recipe, Sparsity, Stage
from edgy_tf.network import Network


def _compress(teacher: Network, lesson: Lesson, calibration: list[np.ndarray], *stages: Stage) -> bytes:
    recipe = Recipe("test", "a test", 0, stages)
    return compress(teacher, recipe, lesson, calibration, "Apache-2.0").model


def test_filters_then_sparsity_then_int8(teacher: Network, lesson: Lesson, calibration: list[np.ndarray]) -> None:
    stages = (
        Filters(criterion="gm", rate=0.25, steps=3),
        Sparsity(method="magnitude", rate=0.5, steps=4),
        Quantise(kind="int8"),
    )
    model = _compress(teacher, lesson, calibration, *stages)
    assert model == _compress(teacher, lesson, calibration, *stages)
