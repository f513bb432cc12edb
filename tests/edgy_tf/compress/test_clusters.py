"""Clusters begin at an even grid that suits every filter, and cost few codes before anything is learned."""

import numpy as np
import pytest

from converters.encoder import convert_encoder
from converters.tensors import convolutions
from edgy_tf.compress.clusters import share_weights
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import compress
from edgy_tf.compress.properties import kernels_of
from edgy_tf.compress.recipe import Clusters, Recipe
from edgy_tf.network import Network

UNMOVED = 1e-9
"""A learning rate by which nothing is learned."""


@pytest.mark.parametrize("sparse", [False, True])
def test_values_begin_evenly_and_each_filter_reaches_an_end(
    teacher: Network, lesson: Lesson, speech: list[np.ndarray], sparse: bool
) -> None:
    stage = Clusters(count=16, steps=1, batch=4, learning_rate=UNMOVED)
    # More weights below zero than above, by which TF-MOT would share the values out.
    tilted = {name: np.where(kernel > 0, kernel / 2, kernel) for name, kernel in kernels_of(teacher.arrays).items()}
    shared = share_weights(teacher.with_encoder(dict(teacher.arrays) | tilted), stage, lesson, sparse, speech)
    grid = np.linspace(-1, 1, 15)
    for kernel in kernels_of(shared.arrays).values():
        values = np.unique(kernel)
        assert np.abs(values[:, None] - grid).min(1).max() < 1e-5
        assert np.abs(kernel).max((0, 1, 2)) == pytest.approx(1, abs=1e-5)


def test_many_values_leave_the_latents_as_they_were(teacher: Network, lesson: Lesson, speech: list[np.ndarray]) -> None:
    def latents(values: int) -> np.ndarray:
        stage = Clusters(count=values, steps=1, batch=4, learning_rate=UNMOVED)
        return np.asarray(share_weights(teacher, stage, lesson, False, speech).encoder()(speech[0][None]))

    wanted = np.asarray(teacher.encoder()(speech[0][None]))
    coarse, fine = (float(np.mean((latents(n) - wanted) ** 2) / np.var(wanted)) for n in (15, 127))
    assert fine < coarse / 20
    assert fine < 1e-3


def test_half_of_the_latents_kernel_is_zero_in_the_file(
    teacher: Network, lesson: Lesson, speech: list[np.ndarray]
) -> None:
    recipe = Recipe("test", "a test", 0, (Clusters(count=8, steps=1, batch=4),))
    *_, short = convolutions(compress(teacher, recipe, lesson, speech, "Apache-2.0").model)
    *_, whole = convolutions(convert_encoder(teacher, "float32", [], "Apache-2.0"))
    low = [int(np.count_nonzero(np.ascontiguousarray(k).view(np.uint32) & 0xFFFF)) for k in (short, whole)]
    assert low[0] == 0
    assert low[1] > 0.9 * whole.size
