"""Training of the Thin ResNet-34 that gives voices (paper sections 3.2 and 4.2.1; Chung et al. 2020)."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgy_tf.corpora import Corpus
from edgy_tf.errors import CorpusError, ModelError
from edgy_tf.frontend.logmel import Floats
from edgy_tf.models.angular import AngularPrototypical
from edgy_tf.models.resnet import build_thin_resnet34
from edgy_tf.preset import Preset
from edgy_tf.train.loop import adam, distribution, fit, precision, split
from edgy_tf.train.prepared import FOLDER, Prepared
from edgy_tf.weights import Arrays, assign_variables, load_arrays, save_arrays, variables_of

FILE = "speaker.safetensors"
CROPS = 2
"""Crops of each speaker in a step: M of the loss."""
TRIALS = 8
"""At most this many utterances of a held-out speaker are compared with everybody's."""
LEARNING_RATE = 1e-3


@dataclasses.dataclass(frozen=True)
class SpeakerRun:
    """What a training run of the speaker network is given.

    Attributes:
        preset: its front end and the length of its voices.
        corpus: speech; only its training split with a licence for it is used.
        out: folder for the weights and TensorBoard logs.
        steps: optimiser steps; the learning rate falls to 0 over them.
        seed: of weights and crops; ``train`` with an equal seed holds out the same speakers.
        precision: Keras dtype policy, ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        every: steps between checkpoints, each with an equal error rate.
        speakers: speakers a step, or all if there are fewer.
        seconds: length of a crop.
        prepared: folder of the prepared corpus, which runs on the same speech can share; None: of its own, in ``out``.
    """

    preset: Preset
    corpus: Corpus
    out: Path
    steps: int
    seed: int = 0
    precision: str = "float32"
    every: int = 200
    speakers: int = 64
    seconds: float = 2.0
    prepared: Path | None = None

    @property
    def frames(self) -> int:
        """Mel frames of a crop."""
        return round(self.seconds * self.preset.front_end.sample_rate / self.preset.front_end.hop)


@dataclasses.dataclass(frozen=True)
class SpeakerCheckpoint:
    """A training run of the speaker network at one moment.

    Attributes:
        settings: all that decides what a step does; a run goes on only where it is equal.
        step: optimiser steps done.
        eer: equal error rate on crops of held-out speakers, 0 to 1.
        model: variables of the network, below ``speaker/``, and of the loss.
        optimizer: variables of the optimiser.
    """

    settings: dict[str, Any]
    step: int
    eer: float
    model: Arrays
    optimizer: Arrays

    def save(self, folder: Path) -> None:
        """Write ``speaker.safetensors`` into ``folder`` atomically."""
        arrays = self.model | {f"optimizer/{n}": v for n, v in self.optimizer.items()}
        save_arrays(folder / FILE, arrays, {"settings": self.settings, "step": self.step, "eer": self.eer})

    @classmethod
    def load(cls, path: Path) -> SpeakerCheckpoint:
        """Read a file, or the one in a run's folder.

        Raises:
            ModelError: missing, damaged, or not of a speaker network.
        """
        arrays, about = load_arrays(path / FILE if path.is_dir() else path)
        saved = {n: arrays.pop(n) for n in list(arrays) if n.startswith("optimizer/")}
        try:
            return cls(
                settings=about["settings"],
                step=about["step"],
                eer=about["eer"],
                model=arrays,
                optimizer={n.removeprefix("optimizer/"): v for n, v in saved.items()},
            )
        except KeyError as error:
            raise ModelError(f"{path} holds weights, but not of edgy train-speaker") from error


def load_speaker(path: Path, preset: Preset) -> Arrays:
    """Weights for ``build_speaker(preset, ...)`` from what ``train_speaker`` wrote.

    Raises:
        ModelError: missing, damaged, not of a speaker network, or of another front end or length of voices.
    """
    state = SpeakerCheckpoint.load(path)
    if any(state.settings[name] != value for name, value in _fits(preset).items()):
        raise ModelError(f"{path} was trained with another front end or speaker.dim than preset {preset.name}'s")
    return {n: v for n, v in state.model.items() if n.startswith("speaker/")}


def train_speaker(run: SpeakerRun) -> SpeakerCheckpoint:
    """Train from the start, or go on from the checkpoint in ``run.out``, to the last step.

    Raises:
        CorpusError: too few speakers to tell apart, in training or among those held out.
        ModelError: the folder holds a run of other settings.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    training, validation = split(run.corpus, run.preset.front_end, run.prepared or run.out / FOLDER, run.seed)
    people = _utterances(training)
    if len(people) < 2:
        raise CorpusError("there is one speaker to train on, and nobody to tell them from; add speakers")
    error_rate = _held_out(validation, run.frames)
    settings = _settings(run, training.speakers)
    state = _resume(run, settings)
    keras.utils.set_random_seed(run.seed)
    with distribution(), precision(run.precision):
        learner = SpeakerLearner(run.preset.front_end.mels, run.preset.speaker.dim)
        schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, run.steps)
        learner.compile(adam(schedule), jit_compile=keras.backend.backend() == "jax")
        learner.optimizer.build(learner.trainable_variables)
        if state:
            assign_variables(learner, state.model)
            assign_variables(learner.optimizer, state.optimizer)

        def keep(step: int, figures: dict[str, float]) -> None:
            figures["eer"] = error_rate(learner.network)
            arrays = variables_of(learner), variables_of(learner.optimizer)
            SpeakerCheckpoint(settings, step, figures["eer"], *arrays).save(run.out)

        done = state.step if state else 0
        fit(
            learner,
            _batches(training, people, run, first=done),
            done=done,
            steps=run.steps,
            every=run.every,
            keep=keep,
            logs=run.out / "logs",
        )
    return SpeakerCheckpoint.load(run.out)


def equal_error_rate(scores: npt.ArrayLike, same: npt.ArrayLike) -> float:
    """Error rate of the threshold at which impostors pass as often as speakers are turned away, 0 to 1.

    Between two thresholds the rates are joined by a straight line: if all scores are equal, 0.5 comes out.

    Args:
        scores: ``[trials]``, higher for more alike.
        same: ``[trials]``, whether both sides of a trial are one speaker.

    Raises:
        ValueError: no trial of one speaker, or none of two.
    """
    values, truth = np.asarray(scores, np.float64), np.asarray(same, bool)
    if truth.all() or not truth.any():
        raise ValueError("an equal error rate takes trials of one speaker and trials of two")
    order = np.argsort(-values)
    values, truth = values[order], truth[order]
    # Trials of equal score pass together.
    last = np.append(np.diff(values) != 0, True)
    turned_away = np.append(1.0, 1 - np.cumsum(truth)[last] / truth.sum())
    passed = np.append(0.0, np.cumsum(~truth)[last] / (~truth).sum())
    return float(np.interp(0.0, passed - turned_away, passed))


class SpeakerLearner(keras.Model):
    """Crops ``[N, M, T, mels]`` of N speakers to the loss of their voices."""

    def __init__(self, mels: int, dim: int) -> None:
        # The loss stays float32 under any policy; the network follows the policy itself.
        super().__init__(name="learner", dtype="float32")
        self.network = build_thin_resnet34(mels, dim)
        self.angular = AngularPrototypical(name="angular")
        self.angular.build((None, CROPS, dim))
        self.built = True

    def call(self, crops: Any, training: bool = False) -> Any:
        """The loss, a scalar."""
        voices = self.network(keras.ops.reshape(crops, (-1, *crops.shape[2:])), training=training)
        return self.angular(keras.ops.reshape(voices, (-1, CROPS, voices.shape[-1])))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """What ``call`` returned."""
        return y_pred


def _fits(preset: Preset) -> dict[str, Any]:
    """The settings that a preset must share with the speaker network it uses."""
    return {"front_end": dataclasses.asdict(preset.front_end), "dim": preset.speaker.dim}


def _settings(run: SpeakerRun, names: list[str]) -> dict[str, Any]:
    given = {n: getattr(run, n) for n in ("steps", "seed", "speakers", "seconds")}
    return _fits(run.preset) | given | {"names": names}


def _resume(run: SpeakerRun, settings: dict[str, Any]) -> SpeakerCheckpoint | None:
    if not (run.out / FILE).exists():
        return None
    state = SpeakerCheckpoint.load(run.out)
    if state.settings != settings:
        raise ModelError(f"{run.out} holds a run of other settings or another corpus; choose another --out")
    return state


def _batches(data: Prepared, people: list[npt.NDArray], run: SpeakerRun, first: int) -> Iterator[tuple[Floats]]:
    """Endless batches ``[N, M, T, mels]`` from number ``first`` on; each follows from seed and number."""
    for step in itertools.count(first):
        rng = np.random.default_rng([run.seed, step])
        chosen = rng.choice(len(people), min(run.speakers, len(people)), replace=False)
        # Two crops of one recording share its microphone: they are taken only where there is no other.
        takes = [rng.choice(people[i], CROPS, replace=len(people[i]) < CROPS) for i in chosen]
        yield (np.stack([[_crop(data, u, run.frames, rng) for u in take] for take in takes]),)


def _utterances(data: Prepared) -> list[npt.NDArray]:
    """Indices of the utterances of each speaker of whom something could be read."""
    return [np.flatnonzero(data.speaker == i) for i in np.unique(data.speaker)]


def _crop(data: Prepared, utterance: int, frames: int, rng: np.random.Generator) -> Floats:
    """A random stretch ``[frames, mels]`` of an utterance; one that is too short is repeated."""
    begin, end = data.frames[utterance], data.frames[utterance + 1]
    start = rng.integers(0, max(1, end - begin - frames + 1))
    return data.mel[begin + (start + np.arange(frames)) % (end - begin)].astype(np.float32)


def _held_out(data: Prepared, frames: int) -> Callable[[keras.Model], float]:
    """What measures a network's equal error rate: always on the same crops, one of each utterance.

    Raises:
        CorpusError: two held-out speakers, and two utterances of one of them, are needed.
    """
    rng = np.random.default_rng(0)
    utterances = np.concatenate([takes[:TRIALS] for takes in _utterances(data)])
    crops = np.stack([_crop(data, u, frames, rng) for u in utterances])
    left, right = np.triu_indices(len(utterances), 1)
    same = data.speaker[utterances[left]] == data.speaker[utterances[right]]
    if same.all() or not same.any():
        raise CorpusError(
            f"held out are {len(data.speakers)} speakers with {len(utterances)} recordings, "
            "too few to measure how well voices are told apart; add speakers, with two recordings of each"
        )

    def measure(network: keras.Model) -> float:
        voices = network.predict(crops, batch_size=32, verbose=0)
        return equal_error_rate((voices[left] * voices[right]).sum(-1), same)

    return measure
