"""The training loop: phases of Keras' ``fit``, on one device or many, resumable at any moment (paper section 4.2.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edgy_tf.corpora import Corpus
from edgy_tf.errors import ModelError
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Phase
from edgy_tf.reading import Reading
from edgy_tf.train.batches import Batch, batch, batches
from edgy_tf.train.checkpoint import FILE, Checkpoint, snapshot
from edgy_tf.train.codes import with_codes
from edgy_tf.train.dictation import with_texts
from edgy_tf.train.loop import adam, distribution, fit, over_and_over, precision, split
from edgy_tf.train.pauses import with_pauses
from edgy_tf.train.prepared import FOLDER, Prepared
from edgy_tf.train.prosody import with_prosody
from edgy_tf.train.speaker import load_speaker
from edgy_tf.train.start import start_from
from edgy_tf.train.teacher import load_teacher
from edgy_tf.train.units import with_units
from edgy_tf.weights import Arrays, assign_variables, variables_of
from edgy_tf.whisper_base import whisper_arrays, whisper_base, with_changes

VALIDATION_BATCHES = 4


@dataclasses.dataclass(frozen=True)
class Run:
    """What a training run is given.

    Attributes:
        preset: architecture and phases.
        corpus: speech; only its training split with a licence for it is used.
        out: folder for the checkpoint and TensorBoard logs.
        seed: of weights, crops and augmentation.
        precision: Keras dtype policy, ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        every: steps between checkpoints.
        speaker: what ``train_speaker`` wrote, for a preset whose speaker embedding is a ResNet.
        teacher: a recogniser's encoder for ``content`` phases; without one, that of the installed package.
        reading: what ``train_reading`` wrote: how the recogniser reads pages that are spelled.
        start: another run's folder, or a release, whose weights a new run begins with.
        prepared: folder of the prepared corpus, which runs on the same speech can share; None: of its own, in ``out``.
    """

    preset: Preset
    corpus: Corpus
    out: Path
    seed: int = 0
    precision: str = "float32"
    every: int = 200
    speaker: Path | None = None
    teacher: Path | None = None
    reading: Path | None = None
    start: str | None = None
    prepared: Path | None = None


def train(run: Run) -> Checkpoint:
    """Train from the start, or go on from the checkpoint in ``run.out``, to the end of the last phase.

    Raises:
        CorpusError: nothing to train or to validate on.
        MissingDependencyError: a recogniser is asked for and not installed.
        ModelError: the folder holds a run of another preset, corpus or seed; what to start from has another
            encoder; or the speaker network is missing, not wanted, or made for another front end.
    """
    voice = _voice(run)
    # First, for what comes next takes minutes.
    reader = _reader(run.reading) if any(p.spelled for p in run.preset.train.phases) else {}
    run.out.mkdir(parents=True, exist_ok=True)
    folder = run.prepared or run.out / FOLDER
    training, validation, speakers = _data(run, folder)
    state = _resume(run, speakers, voice)
    keras.utils.set_random_seed(run.seed)
    with distribution(), precision(run.precision):
        phases = run.preset.train.phases
        judged = any(p.judged for p in phases)
        teacher = load_teacher(run.teacher) if judged or run.preset.train.content.units else {}
        if units := run.preset.train.content.units:
            training, validation = with_units(training, validation, teacher, units, folder)
        if run.preset.train.content.pause_db:
            training, validation = (with_pauses(data, run.preset) for data in (training, validation))
        if run.preset.train.content.prosody:
            training, validation = with_prosody(training, validation, folder)
        if reader:
            training, validation = (with_texts(d, run.corpus, folder) for d in (training, validation))
        model = VQVAE(run.preset, len(speakers), phases[0], teacher if judged else None, reader)
        earlier = state.earlier if state else ()
        if run.start and not state:
            earlier = start_from(run.start, model, speakers)
        if run.speaker:
            assign_variables(model.speaker, voice, str(run.speaker))
        if state:
            # Who judges is no part of a checkpoint, and has its weights already.
            assign_variables(model, variables_of(model) | state.model)

        def keep(phase: int, step: int) -> None:
            snapshot(model, speakers, phase, step, run.seed, earlier).save(run.out)

        for index in range(state.phase if state else 0, len(phases)):
            done = state.step if state and state.phase == index else 0
            saved = state.optimizer if state and state.phase == index else None
            _phase(run, model, index, done, saved, training, validation, keep)
    return Checkpoint.load(run.out)


def _voice(run: Run) -> Arrays:
    """The weights of the speaker embedding, where it does not train here."""
    if run.preset.speaker.kind == "resnet":
        if run.speaker is None:
            raise ModelError(f"preset {run.preset.name} needs --speaker FILE, which edgy train-speaker makes")
        return load_speaker(run.speaker, run.preset)
    if run.speaker is not None:
        raise ModelError(f"preset {run.preset.name} learns a table of speakers; leave out --speaker")
    return {}


def _reader(reading: Path | None) -> Arrays:
    """Whisper's weights, with what it has learned of codes."""
    contents = whisper_base()
    return whisper_arrays(with_changes(contents, Reading.load(reading).changes()) if reading else contents)


def _data(run: Run, folder: Path) -> tuple[Prepared, Prepared, list[tuple[str, str]]]:
    training, validation = split(run.corpus, run.preset.front_end, folder, run.seed)
    gender = {u.speaker: u.gender or "" for u in run.corpus.utterances}
    return training, validation, [("nobody", ""), *((name, gender[name]) for name in training.speakers)]


def _resume(run: Run, speakers: list[tuple[str, str]], voice: Arrays) -> Checkpoint | None:
    if not (run.out / FILE).exists():
        return None
    state = Checkpoint.load(run.out)
    same = state.preset == run.preset and state.seed == run.seed and state.speakers == speakers
    if not same or not all(np.array_equal(state.model[name], value) for name, value in voice.items()):
        raise ModelError(
            f"{run.out} holds a run of another preset, corpus or seed, or of another speaker network; "
            "choose another --out"
        )
    return state


def _phase(
    run: Run,
    model: VQVAE,
    index: int,
    done: int,
    saved: Arrays | None,
    training: Prepared,
    validation: Prepared,
    keep: Callable[[int, int], None],
) -> None:
    phase = run.preset.train.phases[index]
    model.begin(phase)
    if phase.freeze:
        training, validation = (
            with_codes(data, model.preset, model.encoder, model.quantizer) for data in (training, validation)
        )
    model.compile(_optimizer(run.preset, phase), jit_compile=keras.backend.backend() == "jax")
    model.optimizer.build(model.trainable_variables)
    if saved is not None:
        assign_variables(model.optimizer, saved)
    fit(
        model,
        batches(training, run.preset, phase, seed=_seed(run.seed, index), first=done),
        done=done,
        steps=phase.steps,
        every=run.every,
        keep=lambda step, figures: keep(index, step),
        logs=run.out / "logs" / f"phase{index}",
        validation_data=_validation(validation, run.preset, phase),
        validation_steps=VALIDATION_BATCHES,
    )


def _optimizer(preset: Preset, phase: Phase) -> Any:
    cfg = preset.train
    rates = [cfg.learning_rate * 0.5**i for i in range(len(cfg.halve_at) + 1)]
    bounds = [int(phase.steps * f) for f in cfg.halve_at]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(bounds, rates)
    return adam(schedule, cfg.clip)


def _validation(data: Prepared, preset: Preset, phase: Phase) -> Iterator[tuple[Batch]]:
    """Always the same crops of held-out speakers."""
    rng = np.random.default_rng(0)
    return over_and_over([(batch(data, preset, phase, rng, augment=False),) for _ in range(VALIDATION_BATCHES)])


def _seed(seed: int, phase: int) -> int:
    return seed * 1000 + phase
