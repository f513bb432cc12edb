"""A recipe's stages, end to end on the tiny network: what is promised is what is stored."""

import numpy as np
import pytest

from converters.tensors import convolutions, zero_points
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import compress
from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Recipe, Sparsity, Stage
from edgy_tf.network import Network

STEPS = 4
HALF = Sparsity(method="magnitude", rate=0.5, steps=STEPS)
EIGHT = Clusters(count=8, steps=STEPS)
QAT = Quantise(kind="qat", steps=STEPS)


@pytest.fixture
def compressed(teacher: Network, lesson: Lesson, calibration: list[np.ndarray]):
    def run(*stages: Stage) -> bytes:
        return compress(teacher, Recipe("test", "a test", 0, stages), lesson, calibration, "Apache-2.0").model

    return run


def _kernels(model: bytes) -> list[np.ndarray]:
    return list(convolutions(model))


def _zeros(model: bytes) -> float:
    return float(np.mean(np.concatenate([np.ravel(k == 0) for k in _kernels(model)])))


def _values(model: bytes) -> int:
    """Most values in a filter."""
    return max(len(np.unique(one)) for kernel in _kernels(model) for one in kernel)


def test_l0(compressed) -> None:
    model = compressed(Sparsity(method="l0", rate=0.4, steps=8))
    assert _zeros(model) >= 0.4


def test_pcqat(compressed) -> None:
    model = compressed(HALF, EIGHT, QAT)
    assert {k.dtype for k in _kernels(model)} == {np.dtype(np.int8)}
    assert _zeros(model) >= 0.49
    assert _values(model) <= 8


def test_symmetric(compressed) -> None:
    assert any(zero_points(compressed(QAT)))
    assert not any(zero_points(compressed(Quantise(kind="qat", activations="symmetric", steps=STEPS))))
