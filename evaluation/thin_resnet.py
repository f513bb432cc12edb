"""The audit's own speaker verifier: the paper's Thin ResNet-34, taught on the audit's training speech."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora.audio import SAMPLE_RATE, to_float32, to_pcm16
from edgy_tf.errors import CorpusError
from edgy_tf.frontend import log_mel
from edgy_tf.models.resnet import build_thin_resnet34
from edgy_tf.preset import FrontEnd, load_preset
from edgy_tf.train.loop import adam
from edgy_tf.train.speaker import CROPS, LEARNING_RATE, SpeakerCheckpoint, SpeakerLearner
from edgy_tf.weights import Arrays, assign_variables, load_arrays, save_arrays, variables_of
from evaluation.verifiers import Clip, Floats, embed_each

DIM = 256
"""Length of the embeddings."""

SPEAKERS, SECONDS = 16, 1.5
"""Speakers of a training step, and length of their crops: what one CPU can do."""

HEARD = 4.0
"""Seconds of a clip that an embedding is made of."""

TUNING_RATE = 3e-4
"""Learning rate on processed speech, falling to 0 as that of the first training does."""


def open_thin_resnet(steps: int, tuning: int, seed: int, checkpoint: Path | None) -> ThinResNet:
    """The verifier as `evaluation.verifiers.open_verifiers` opens it.

    Raises:
        ModelError: the checkpoint is missing, damaged or not of a speaker network.
    """
    if checkpoint is None:
        return ThinResNet(load_preset("pi").front_end, DIM, steps, tuning, seed)
    state = SpeakerCheckpoint.load(checkpoint)
    weights = {n: v for n, v in state.model.items() if n.startswith("speaker/")}
    return ThinResNet(FrontEnd(**state.settings["front_end"]), state.settings["dim"], steps, tuning, seed, weights)


class ThinResNet:
    """The Thin ResNet-34 (`edgy_tf.models.resnet`), with the loss that ``edgy train-speaker`` trains it by.

    Much smaller steps than there, of `SPEAKERS` speakers: a verifier that a CPU trains in minutes, and weaker for it.
    """

    name = "thin-resnet"
    views = 1

    def __init__(
        self, front_end: FrontEnd, dim: int, steps: int, tuning: int, seed: int, weights: Arrays | None = None
    ) -> None:
        self._front_end, self._dim = front_end, dim
        self._steps, self._tuning, self._seed = steps, tuning, seed
        self._weights = weights
        arrays = [f"{n} {a.shape}".encode() + a.tobytes() for n, a in sorted((weights or {}).items())]
        about = json.dumps([self.name, asdict(front_end), dim])
        self._id = hashlib.sha256(about.encode() + b"".join(arrays)).hexdigest()

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        """As `verifiers.Verifier` has it; it must have been trained."""

        # One length for all, as each is compiled anew; what is too short is repeated, as in training.
        heard = np.arange(round(HEARD * SAMPLE_RATE))

        def voice(speech: Floats) -> Floats:
            mel = log_mel(speech[heard % len(speech)], self._front_end)
            return self._network.predict_on_batch(mel[None])[0]

        return embed_each(tqdm(clips, self.name, total, unit="clip"), cache, f"{self._id} {HEARD}", self._dim, voice)

    def trained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> ThinResNet:
        """As `verifiers.Trainable` has it."""
        return self if self._weights else self._learned(clips, speakers, cache, self._steps)

    def retrained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> ThinResNet:
        """As `verifiers.Trainable` has it."""
        return self._learned(clips, speakers, cache, self._tuning)

    @functools.cached_property
    def _network(self) -> Any:
        network = build_thin_resnet34(self._front_end.mels, self._dim)
        assign_variables(network, self._weights or {}, "untrained thin-resnet")
        return network

    def _learned(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path, steps: int) -> ThinResNet:
        about = [self._id, steps, self._seed, SPEAKERS, SECONDS, LEARNING_RATE, TUNING_RATE, *speakers]
        digest = hashlib.sha256(json.dumps(about).encode())
        for clip in clips:
            digest.update(hashlib.sha256(to_pcm16(clip).tobytes()).digest())
        path = cache / f"thin-resnet-{digest.hexdigest()}.safetensors"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            save_arrays(path, self._fit(clips, speakers, steps), {"steps": steps, "seed": self._seed})
        weights = load_arrays(path)[0]
        return ThinResNet(self._front_end, self._dim, self._steps, self._tuning, self._seed, weights)

    def _fit(self, clips: Sequence[Clip], speakers: Sequence[str], steps: int) -> Arrays:
        if len(set(speakers)) < 2:
            raise CorpusError("thin-resnet needs two speakers to learn to tell apart; add speakers")
        keras.utils.set_random_seed(self._seed)
        learner = SpeakerLearner(self._front_end.mels, self._dim)
        if self._weights:
            assign_variables(learner.network, self._weights)
        rate = TUNING_RATE if self._weights else LEARNING_RATE
        learner.compile(adam(keras.optimizers.schedules.CosineDecay(rate, steps)), jit_compile=False)
        with tqdm(total=steps, desc=f"{self.name} learns", unit="step") as bar:
            after = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
            batches = self._batches(clips, np.asarray(speakers))
            learner.fit(batches, steps_per_epoch=steps, callbacks=[after], shuffle=False, verbose=0)
        return variables_of(learner.network)

    def _batches(self, clips: Sequence[Clip], speakers: npt.NDArray[np.str_]) -> Iterator[tuple[Floats]]:
        """Endless batches ``[N, M, T, mels]`` of M crops of N speakers."""
        rng = np.random.default_rng(self._seed)
        people = [np.flatnonzero(speakers == name) for name in np.unique(speakers)]
        offsets = np.arange(round(SECONDS * SAMPLE_RATE))

        def crop(clip: Clip) -> Floats:
            start = rng.integers(max(1, len(clip) - len(offsets) + 1))
            # What is too short is repeated.
            return log_mel(to_float32(to_pcm16(clip[(start + offsets) % len(clip)])), self._front_end)

        while True:
            chosen = rng.choice(len(people), min(SPEAKERS, len(people)), replace=False)
            takes = [rng.choice(people[i], CROPS, replace=len(people[i]) < CROPS) for i in chosen]
            yield (np.stack([[crop(clips[i]) for i in take] for take in takes]),)
