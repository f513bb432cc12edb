"""The training loop: phases of Keras' ``fit``, on one device or many, resumable at any moment (paper section 4.2.2)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgy_tf.corpora import Corpus, hold_out
from edgy_tf.errors import ModelError
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.preset import Phase, Preset
from edgy_tf.train.batches import Batch, batch, batches
from edgy_tf.train.checkpoint import FILE, Checkpoint, snapshot
from edgy_tf.train.prepared import Prepared, prepare
from edgy_tf.weights import assign_variables

VALIDATION_BATCHES = 4


@dataclasses.dataclass(frozen=True)
class Run:
    """What a training run is given.

    Attributes:
        preset: architecture and phases.
        corpus: speech; only its training split with a licence for it is used.
        out: folder for the checkpoint, TensorBoard logs and the prepared corpus.
        seed: of weights, crops and augmentation.
        precision: Keras dtype policy, ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        every: steps between checkpoints.
    """

    preset: Preset
    corpus: Corpus
    out: Path
    seed: int = 0
    precision: str = "float32"
    every: int = 200


def train(run: Run) -> Checkpoint:
    """Train from the start, or go on from the checkpoint in ``run.out``, to the end of the last phase.

    Raises:
        CorpusError: nothing to train or to validate on.
        ModelError: the folder holds a run of another preset, corpus or seed.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    keras.config.set_dtype_policy(run.precision)
    keras.utils.set_random_seed(run.seed)
    training, validation, speakers = _data(run)
    state = _resume(run, speakers)
    with _distribution():
        model = VQVAE(run.preset, len(speakers), run.preset.train.phases[0])
        if state:
            assign_variables(model, state.model)
        for index in range(state.phase if state else 0, len(run.preset.train.phases)):
            done = state.step if state and state.phase == index else 0
            saved = state.optimizer if state and state.phase == index else None
            _phase(run, model, index, done, saved, training, validation, speakers)
    keras.config.set_dtype_policy("float32")
    return Checkpoint.load(run.out)


def _data(run: Run) -> tuple[Prepared, Prepared, list[tuple[str, str]]]:
    parts = hold_out(run.corpus, fraction=0.05, seed=run.seed)
    training, validation = (
        prepare(part, run.preset.front_end, run.out / "prepared", label)
        for part, label in zip(parts, ("train", "valid"), strict=True)
    )
    gender = {u.speaker: u.gender or "" for u in run.corpus.utterances}
    return training, validation, [("nobody", ""), *((name, gender[name]) for name in training.speakers)]


def _resume(run: Run, speakers: list[tuple[str, str]]) -> Checkpoint | None:
    if not (run.out / FILE).exists():
        return None
    state = Checkpoint.load(run.out)
    same = state.preset == run.preset and state.seed == run.seed and state.speakers == speakers
    if not same:
        raise ModelError(f"{run.out} holds a run of another preset, corpus or seed; choose another --out")
    return state


def _phase(
    run: Run,
    model: VQVAE,
    index: int,
    done: int,
    saved: dict[str, np.ndarray] | None,
    training: Prepared,
    validation: Prepared,
    speakers: list[tuple[str, str]],
) -> None:
    phase = run.preset.train.phases[index]
    model.begin(phase)
    model.compile(_optimizer(run.preset, phase), jit_compile=keras.backend.backend() == "jax")
    model.optimizer.build(model.trainable_variables)
    if saved is not None:
        assign_variables(model.optimizer, saved)

    def keep(step: int) -> None:
        snapshot(model, speakers, index, step, run.seed).save(run.out)

    per_epoch = min(run.every, phase.steps)
    epochs = -(-phase.steps // per_epoch)
    model.fit(
        batches(training, run.preset, phase, seed=_seed(run.seed, index), first=done),
        initial_epoch=done // per_epoch,
        epochs=epochs,
        steps_per_epoch=per_epoch,
        validation_data=_validation(validation, run.preset, phase),
        validation_steps=VALIDATION_BATCHES,
        shuffle=False,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: keep((epoch + 1) * per_epoch)),
            _Logs(run.out / "logs" / f"phase{index}", per_epoch),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    if not np.isfinite(model.means["loss"].result()):
        raise ModelError("the loss is not a number any more; lower learning_rate, or train in float32")


def _optimizer(preset: Preset, phase: Phase) -> Any:
    cfg = preset.train
    rates = [cfg.learning_rate * 0.5**i for i in range(len(cfg.halve_at) + 1)]
    bounds = [int(phase.steps * f) for f in cfg.halve_at]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(bounds, rates)
    adam = keras.optimizers.Adam(schedule, global_clipnorm=cfg.clip, name="adam")
    # Keras would do so by itself if the whole model, not only its parts, had the mixed policy.
    half = keras.config.dtype_policy().name == "mixed_float16"
    return keras.optimizers.LossScaleOptimizer(adam, name="loss_scale") if half else adam


def _validation(data: Prepared, preset: Preset, phase: Phase) -> Iterator[tuple[Batch]]:
    """Always the same crops of held-out speakers, over and over."""
    rng = np.random.default_rng(0)
    fixed = [(batch(data, preset, phase, rng, augment=False),) for _ in range(VALIDATION_BATCHES)]
    # A generator, because Keras takes no other iterator.
    while True:
        yield from fixed


def _seed(seed: int, phase: int) -> int:
    return seed * 1000 + phase


class _Logs(keras.callbacks.Callback):
    """TensorBoard curves of every epoch, at the optimiser's step."""

    def __init__(self, folder: Path, per_epoch: int) -> None:
        super().__init__()
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))
        self._per_epoch = per_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write one point of each curve."""
        for name, value in (logs or {}).items():
            self._writer.add_scalar(name, float(value), (epoch + 1) * self._per_epoch)
        self._writer.flush()


def _distribution() -> contextlib.AbstractContextManager[Any]:
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
