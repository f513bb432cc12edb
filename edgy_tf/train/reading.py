"""Teach Whisper to read the codes of a release: adapters (Hu et al. 2021) on both halves, by the words of clean speech.

Codes, codebook and decoder stay as they are; what the recogniser hears of the codes is what ``Decoder.words`` gives it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import Corpus
from edgy_tf.decode import Decoder
from edgy_tf.errors import ModelError
from edgy_tf.models.spelling import Spelling
from edgy_tf.models.whisper import MELS
from edgy_tf.network import Network
from edgy_tf.reading import STEPS, UP, Reading
from edgy_tf.releases import READING, Release
from edgy_tf.train.batches import made_ahead
from edgy_tf.train.codes import with_network_codes
from edgy_tf.train.dictation import with_texts
from edgy_tf.train.loop import adam, distribution, fit, over_and_over, precision, split
from edgy_tf.train.pages import FRAMES, TOKENS, Pages
from edgy_tf.train.prepared import FOLDER, Prepared
from edgy_tf.weights import Arrays, assign_variables, load_arrays, save_arrays, variables_of
from edgy_tf.whisper_base import whisper_arrays, whisper_base

CHECKPOINT = "checkpoint.safetensors"

RANK = 32
"""Of the adapters."""

LEARNING_RATE, WARM_UP = 1e-3, 30
"""At its highest, and steps until there."""

BATCH = 6
"""Pages of a step."""

STRENGTH = 0.5
"""Share of what was learned that is released: between the weights that it began with and these, held-out speakers are
read best (Wortsman et al. 2022)."""

VERSIONS = 4
"""How often each utterance is encoded: as it is, and in other voices."""

VALIDATION_BATCHES = 4

Batch = tuple[dict[str, npt.NDArray]]


@dataclasses.dataclass(frozen=True)
class ReadingRun:
    """What the training of a reading is given.

    Attributes:
        release: whose codes are read.
        corpus: speech; only its training split with a licence for it is used.
        out: folder for the adapters, the checkpoint and TensorBoard logs.
        steps: optimiser steps; the learning rate falls to 0 over them.
        seed: of adapters, pages and voices.
        precision: Keras dtype policy, ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        every: steps between checkpoints.
        start: an earlier reading, of other codes perhaps, to begin with.
        prepared: folder of the prepared corpus, which runs on the same speech can share; None: of its own, in ``out``.
    """

    release: Release
    corpus: Corpus
    out: Path
    steps: int = STEPS
    seed: int = 0
    precision: str = "float32"
    every: int = 50
    start: Path | None = None
    prepared: Path | None = None

    @functools.cached_property
    def earlier(self) -> Reading | None:
        """What ``start`` holds."""
        return Reading.load(self.start) if self.start else None

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what a step does; a run goes on only where it is equal."""
        speakers = self.corpus.select(split="train").speakers
        start = self.earlier.identity if self.earlier else ""
        about = {"network": self.network_id, "start": start, "steps": self.steps, "seed": self.seed}
        return about | {"speakers": speakers}

    @functools.cached_property
    def network_id(self) -> str:
        """Sixteen hexadecimal characters of the weights that encode and that give a recogniser its features."""
        return hashlib.sha256(self.release.network.read_bytes()).hexdigest()[:16]


def train_reading(run: ReadingRun) -> Reading:
    """Train from the start, or go on from the checkpoint in ``run.out``, to the last step.

    ``READING`` there is what reads held-out speakers best, of all checkpoints.

    Raises:
        CorpusError: nothing to train or to validate on.
        ModelError: the folder holds a run of other settings, or the release gives no features of words.
    """
    run.out.mkdir(parents=True, exist_ok=True)
    state, about = _resume(run)
    # First, for what comes next takes minutes.
    weights = whisper_arrays(whisper_base())
    training, validation = _books(run)
    keras.utils.set_random_seed(run.seed)
    with distribution(), precision(run.precision):
        model = Spelling(weights, RANK)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, run.steps, warmup_target=LEARNING_RATE, warmup_steps=min(WARM_UP, run.steps - 1)
        )
        model.compile(adam(schedule, clip=1.0), jit_compile=keras.backend.backend() == "jax")
        model.optimizer.build(model.trainable_variables)
        if run.earlier:
            model.assign(run.earlier.adapters)
        if state:
            model.assign({n: v for n, v in state.items() if not n.startswith("optimizer/")})
            saved = {n.removeprefix("optimizer/"): v for n, v in state.items() if n.startswith("optimizer/")}
            assign_variables(model.optimizer, saved)

        best = about.get("best", np.inf)

        def keep(step: int, figures: dict[str, float]) -> None:
            nonlocal best
            if figures["val_loss"] < best:
                best = float(figures["val_loss"])
                _reading(run, model).save(run.out / READING)
            optimizer = {f"optimizer/{n}": v for n, v in variables_of(model.optimizer).items()}
            save_arrays(run.out / CHECKPOINT, model.adapters() | optimizer, run.settings | {"step": step, "best": best})

        done = about.get("step", 0)
        fit(
            model,
            made_ahead(lambda step: training.batch(np.random.default_rng([run.seed, step]), augment=True), done),
            done=done,
            steps=run.steps,
            every=run.every,
            keep=keep,
            logs=run.out / "logs",
            validation_data=over_and_over(
                [validation.batch(np.random.default_rng(i), augment=False) for i in range(VALIDATION_BATCHES)]
            ),
            validation_steps=VALIDATION_BATCHES,
        )
    return Reading.load(run.out / READING)


def _reading(run: ReadingRun, model: Spelling) -> Reading:
    before = run.earlier.adapters if run.earlier else {}
    shares = {
        name: before.get(name, 0) + STRENGTH * (value - before.get(name, 0)) if name.endswith(UP) else value
        for name, value in model.adapters().items()
    }
    return Reading(run.release.codebook_id, shares)


@dataclasses.dataclass(frozen=True)
class Book:
    """Utterances to be read.

    Attributes:
        versions: features of all utterances, end to end, ``[sum of frames, MELS]``, one array for each encoding.
        bounds: frames before each utterance and after the last.
        pages: of their texts.
    """

    versions: Sequence[npt.NDArray[np.float16]]
    bounds: npt.NDArray[np.int64]
    pages: Pages

    def batch(self, rng: np.random.Generator, augment: bool) -> Batch:
        """``BATCH`` pages, their utterances drawn at random."""
        mel = np.zeros((BATCH, FRAMES, MELS), np.float32)
        tokens = np.zeros((BATCH, TOKENS + 1), np.int32)
        for row, text in zip(mel, tokens, strict=True):
            places, text[:] = self.pages.draw(rng)
            for u, frame in places:
                begin, end = self.bounds[u : u + 2]
                features = self.versions[rng.integers(len(self.versions))][begin:end].astype(np.float32)
                row[frame : frame + len(features)] = _with_gaps(features, rng) if augment else features
        return ({"mel": mel, "tokens": tokens},)


def _with_gaps(features: npt.NDArray, rng: np.random.Generator) -> npt.NDArray:
    """Gaps of up to 160 ms, at most one a second, silent or even: other words must tell them (Park et al. 2019)."""
    for _ in range(rng.integers(0, 2 + len(features) // 100)):
        begin = rng.integers(0, max(1, len(features) - 20))
        gap = features[begin : begin + rng.integers(2, 16)]
        gap[:] = features.min() if rng.random() < 0.5 else gap.mean(0)
    return features


def _resume(run: ReadingRun) -> tuple[Arrays, dict[str, Any]]:
    if not (run.out / CHECKPOINT).exists():
        return {}, {}
    state, about = load_arrays(run.out / CHECKPOINT)
    if {n: about.get(n) for n in run.settings} != run.settings:
        raise ModelError(f"{run.out} holds a run of other settings or another release; choose another --out")
    return state, about


def _books(run: ReadingRun) -> tuple[Book, Book]:
    network = Network.load(run.release.network)
    decoder = Decoder.from_release(run.release.folder)
    if not decoder.has_words:
        raise ModelError(f"release {run.release.name} has no head for words; train with a 'mel' or 'content' phase")
    folder = run.prepared or run.out / FOLDER
    training, validation = split(run.corpus, network.preset.front_end, folder, run.seed)
    book = functools.partial(_book, run, folder, network, decoder)
    return book(training, VERSIONS), book(validation, 1)


def _book(run: ReadingRun, folder: Path, network: Network, decoder: Decoder, data: Prepared, versions: int) -> Book:
    stride = network.preset.stride
    data = with_texts(data, run.corpus, folder)
    bounds = data.code_bounds(stride) * stride
    pages = Pages.of(data, stride)
    key = hashlib.sha256(data.fingerprint).hexdigest()[:16]
    features = []
    for version in range(versions):
        file = folder / f"features-{key}-{run.network_id}-{run.seed}-{version}.npy"
        if not file.exists():
            _write(file, data, network, decoder, run.seed + version if version else None)
        features.append(np.load(file, mmap_mode="r"))
    return Book(features, bounds, pages)


def _write(file: Path, data: Prepared, network: Network, decoder: Decoder, seed: int | None) -> None:
    """What the recogniser is given of every utterance; the file appears whole or not at all."""
    stride = network.preset.stride
    coded = with_network_codes(data, network, seed)
    assert coded.codes is not None
    bounds = data.code_bounds(stride)
    part = file.with_suffix(".part")
    # A plain int: what NumPy 2 writes of its own ones it cannot read back.
    features = np.lib.format.open_memmap(part, "w+", np.float16, (int(bounds[-1]) * stride, MELS))
    for begin, end in tqdm(list(itertools.pairwise(bounds)), "features of codes", unit="utterance"):
        if begin < end:
            features[begin * stride : end * stride] = decoder.words(coded.codes[begin:end])
    features.flush()
    part.rename(file)
