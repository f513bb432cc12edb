"""What every training shares: Keras' ``fit`` from checkpoint to checkpoint, curves, devices and precision."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np

from edgy_tf.corpora import Corpus, hold_out
from edgy_tf.errors import ModelError
from edgy_tf.preset import FrontEnd
from edgy_tf.train.prepared import Prepared, prepare

T = TypeVar("T")


def split(corpus: Corpus, front_end: FrontEnd, folder: Path, seed: int) -> tuple[Prepared, Prepared]:
    """Speakers to train on and speakers held out, prepared in ``folder``; equal seeds hold out the same.

    Raises:
        CorpusError: nothing to train or to validate on.
    """
    training, validation = hold_out(corpus, fraction=0.05, seed=seed)
    return (
        prepare(training, front_end, folder, "train"),
        prepare(validation, front_end, folder, "valid"),
    )


def adam(schedule: Any, clip: float | None = None) -> Any:
    """Adam with a learning rate that follows ``schedule`` and gradients of at most the norm ``clip``."""
    # Named, because Keras counts the optimisers of a process, and a checkpoint must fit in the next one.
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=clip, name="adam")
    # Keras would do so by itself if the whole model, not only its parts, had the mixed policy.
    half = keras.config.dtype_policy().name == "mixed_float16"
    return keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale") if half else optimizer


def fit(
    model: Any,
    batches: Iterator[Any],
    *,
    done: int,
    steps: int,
    every: int,
    keep: Callable[[int, dict[str, float]], None],
    logs: Path,
    **validation: Any,
) -> None:
    """Train a compiled model from step ``done`` to ``steps``, rounded up to whole epochs of ``every`` steps.

    Args:
        model: its ``fit`` must report ``loss``.
        batches: from number ``done`` on.
        done: steps that an earlier run has done.
        steps: of the whole run.
        every: steps of an epoch.
        keep: writes a checkpoint; is given the steps done and the epoch's figures, and may add to these.
        logs: folder of the TensorBoard curves.
        validation: arguments of ``fit``.

    Raises:
        ModelError: the loss is not a number any more; the last checkpoint is from before.
    """
    per_epoch = min(every, steps)
    # Counted from what is done, because the run that did it may have had epochs of another length.
    first = done // per_epoch

    def step_after(epoch: int) -> int:
        return done + (epoch + 1 - first) * per_epoch

    def end(epoch: int, figures: dict[str, float]) -> None:
        if not np.isfinite(figures["loss"]):
            raise ModelError("the loss is not a number any more; lower learning_rate, or train in float32")
        keep(step_after(epoch), figures)

    model.fit(
        batches,
        initial_epoch=first,
        epochs=first + -(-(steps - done) // per_epoch),
        steps_per_epoch=per_epoch,
        shuffle=False,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=end),
            _Logs(logs, step_after),
            keras.callbacks.TerminateOnNaN(),
        ],
        **validation,
    )


def over_and_over(batches: Sequence[T]) -> Iterator[T]:
    """The same batches without end."""
    # A generator, because Keras takes no other iterator.
    while True:
        yield from batches


class _Logs(keras.callbacks.Callback):
    """TensorBoard curves of every epoch, at the optimiser's step."""

    def __init__(self, folder: Path, step_after: Callable[[int], int]) -> None:
        super().__init__()
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))
        self._step_after = step_after

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write one point of each curve."""
        for name, value in (logs or {}).items():
            self._writer.add_scalar(name, float(value), self._step_after(epoch))
        self._writer.flush()


def distribution() -> contextlib.AbstractContextManager[Any]:
    """Keras' and TensorFlow's own data parallelism, where there is more than one device."""
    if keras.backend.backend() == "jax":
        if len(keras.distribution.list_devices()) > 1:
            return keras.distribution.DataParallel(auto_shard_dataset=False).scope()
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if "TF_CONFIG" in os.environ:
            return tf.distribute.MultiWorkerMirroredStrategy().scope()
        if len(tf.config.list_physical_devices("GPU")) > 1:
            return tf.distribute.MirroredStrategy().scope()
    return contextlib.nullcontext()


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build and train under a dtype policy of Keras, and leave the one that was set before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def dtype_policy(precision: str) -> str:
    """Keras' name of a precision; ``auto`` is float16 where a GPU is present, float32 elsewhere."""
    if precision == "auto":
        precision = "float16" if _has_gpu() else "float32"
    return precision if precision == "float32" else f"mixed_{precision}"


def _has_gpu() -> bool:
    if keras.backend.backend() == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return False
