"""How tests of training look at it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgy_tf.preset import Preset

Curves = dict[str, dict[int, float]]


@pytest.fixture(scope="session")
def curves() -> Callable[[Path], Curves]:
    """Reads a folder of TensorBoard logs: each curve's values by step."""

    def read(folder: Path) -> Curves:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util.tensor_util import make_ndarray

        events = EventAccumulator(str(folder))
        events.Reload()
        return {
            name: {e.step: float(make_ndarray(e.tensor_proto)) for e in events.Tensors(name)}
            for name in events.Tags()["tensors"]
        }

    return read


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Runs TensorFlow step by step: for a step or two that is quicker than to build a graph."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def plain(tiny: Preset) -> Preset:
    """The tiny preset, its crops neither jittered nor made louder."""
    return replace(tiny, train=replace(tiny.train, jitter=0.0, gain_db=0.0))
