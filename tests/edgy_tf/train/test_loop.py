import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgy_tf.errors import ModelError
from edgy_tf.train.loop import adam, dtype_policy, fit

Curves = Callable[[Path], dict[str, dict[int, float]]]


def _line(seen: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless points of a line; ``seen`` counts what is asked for."""
    rng = np.random.default_rng(0)
    for number in itertools.count():
        seen.append(number)
        x = rng.standard_normal((4, 1)).astype(np.float32)
        yield x, 2 * x


def _model(learning_rate: float = 0.1) -> Any:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    # For a few steps that is quicker than to build a graph.
    model.compile(adam(learning_rate), "mse", run_eagerly=True)
    return model


def _steps(model: Any, logs: Path, **how: int) -> list[int]:
    """The steps at which a checkpoint is due."""
    kept: list[int] = []
    fit(model, _line([]), keep=lambda step, figures: kept.append(step), logs=logs, **how)
    return kept


@pytest.mark.parametrize(
    ("done", "steps", "every", "kept"),
    [
        (0, 6, 2, [2, 4, 6]),
        (4, 6, 2, [6]),
        (0, 5, 2, [2, 4, 6]),
        (0, 3, 100, [3]),
        (6, 6, 2, []),
        (6, 5, 2, []),
        # The run so far had checkpoints of another distance.
        (3, 8, 2, [5, 7, 9]),
        (2, 8, 4, [6, 10]),
    ],
)
def test_a_checkpoint_is_due_every_so_many_steps_and_counts_them_rightly(
    tmp_path: Path, done: int, steps: int, every: int, kept: list[int]
) -> None:
    model = _model()
    assert _steps(model, tmp_path, done=done, steps=steps, every=every) == kept
    assert int(model.optimizer.iterations) == (kept[-1] - done if kept else 0)


def test_curves_are_written_at_their_steps(tmp_path: Path, curves: Curves) -> None:
    fit(_model(), _line([]), done=0, steps=6, every=2, keep=lambda *_: None, logs=tmp_path)
    [name] = curves(tmp_path)
    assert name == "loss"
    losses = curves(tmp_path)["loss"]
    assert list(losses) == [2, 4, 6]
    assert losses[6] < losses[2]


def test_a_loss_that_is_no_number_stops_it_and_is_not_kept(tmp_path: Path) -> None:
    kept: list[int] = []
    seen: list[int] = []
    with pytest.raises(ModelError, match=r"^the loss is not a number any more; lower learning_rate"):
        fit(
            _model(learning_rate=1e30),
            _line(seen),
            done=0,
            steps=1000,
            every=1,
            keep=lambda step, figures: kept.append(step),
            logs=tmp_path,
        )
    assert kept == [1]
    assert len(seen) < 100


def test_only_float16_scales_the_loss() -> None:
    for policy, kind in (
        ("float32", keras.optimizers.Adam),
        ("mixed_bfloat16", keras.optimizers.Adam),
        ("mixed_float16", keras.optimizers.LossScaleOptimizer),
    ):
        keras.config.set_dtype_policy(policy)
        try:
            assert type(adam(1e-3)) is kind
        finally:
            keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("precision", "policy"),
    [("float32", "float32"), ("bfloat16", "mixed_bfloat16"), ("float16", "mixed_float16")],
)
def test_policies_have_keras_names(precision: str, policy: str) -> None:
    assert dtype_policy(precision) == policy


def test_auto_is_for_the_machine_at_hand() -> None:
    import tensorflow as tf

    with_gpu = bool(tf.config.list_physical_devices("GPU"))
    assert dtype_policy("auto") == ("mixed_float16" if with_gpu else "float32")
