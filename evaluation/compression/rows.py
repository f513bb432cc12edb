"""Compress a release by one recipe after the other and measure what came out; what is done is not done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tf_keras

from converters.tensors import convolutions
from edgy_tf import __version__
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import Compressed
from edgy_tf.compress.recipe import Recipe, recipe_to_toml
from edgy_tf.compress.variant import Material
from edgy_tf.corpora import Corpus
from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.releases import Release
from edgy_tf.weights import atomic_file
from evaluation.stages import StageCost, measured_in_turn
from pi_runtime import read_info

FLOAT = "float32"
SECONDS, RUNS = 10, 20
"""Of audio in a measured run, and how many there are."""

Made = tuple[Compressed, float]
"""A variant, and the seconds of CPU that it took."""


@dataclass(frozen=True)
class Row:
    """One variant.

    Attributes:
        variant: ``float32``, or the recipe's name.
        about: what the recipe does.
        size: bytes of the file.
        zipped: the same after gzip.
        macs: multiply-accumulates per second of audio; zeros are multiplied too.
        agreement: share of the codes, 0 to 1, that are the uncompressed Keras network's, on held-out speakers.
        snr: of the latents, in dB, on the same speech.
        zeros: share of the weights of the convolutions, 0 to 1, that are zero.
        sha256: of the file.
        seconds: of CPU that fine-tuning and conversion took on this machine.
        reason: why there is no file; the figures above mean nothing then.
    """

    variant: str
    about: str
    size: int = 0
    zipped: int = 0
    macs: float = 0.0
    agreement: float = 0.0
    snr: float = 0.0
    zeros: float = 0.0
    sha256: str = ""
    seconds: float = 0.0
    reason: str = ""


class Bench:
    """A release, its corpus, and the folder that keeps what was made of them.

    Args:
        release: is compressed.
        corpus: what it was trained on.
        work: one folder for each variant, and the prepared corpus; an interrupted run goes on from there.

    Raises:
        CorpusError: no speech to learn on.
        ModelError: ``release`` is damaged.

    Attributes:
        release, corpus: as given.
    """

    def __init__(self, release: Release, corpus: Corpus, work: Path) -> None:
        self.release, self.corpus, self._work = release, corpus, work
        self._material = Material(release, corpus)

    def path(self, variant: str) -> Path:
        """The file of a variant, once it is made."""
        return self._work / variant / "encoder.tflite"

    @property
    def material(self) -> Material:
        """What every variant is made of."""
        return self._material

    def lesson(self, seed: int) -> Lesson:
        """What students learn from; the folder keeps the prepared corpus."""
        return self._material.lesson(self._work, seed)

    def folder(self, variant: str) -> Path:
        """What is kept of a variant."""
        return self._work / variant

    def baseline(self) -> Row:
        """The release's own encoder in float32, converted as the variants are."""
        about = "the release, uncompressed"

        def make() -> Made:
            model = self._material.uncompressed(self.release.name)
            return Compressed(model, self._material.teacher.preset), 0.0

        return self.made(FLOAT, about, about, make)

    def row(self, recipe: Recipe) -> Row:
        """Compress by a recipe, or read what came of it before."""

        def make() -> Made:
            begun = time.process_time()
            compressed = self._material.compress(recipe, self.lesson(recipe.seed), self.release.name)
            return compressed, time.process_time() - begun

        return self.made(recipe.name, recipe.about, recipe_to_toml(recipe), make)

    def made(self, variant: str, about: str, how: str, make: Callable[[], Made]) -> Row:
        """Make a variant and measure it, or read what came of it before.

        Args:
            variant: its name.
            about: it, in words.
            how: whatever it follows from besides the release.
            make: makes it; an ``EdgyError`` becomes the row's reason.
        """

        def write() -> Made:
            compressed, seconds = make()
            with atomic_file(self.path(variant)) as file:
                file.write(compressed.model)
            return compressed, seconds

        return self._kept(variant, about, how, write)

    def _kept(self, variant: str, about: str, how: str, make: Callable[[], Made]) -> Row:
        key = json.dumps([__version__, self.release.files[self.release.network.name], how])
        kept = self.folder(variant) / "row.json"
        if kept.exists():
            found = json.loads(kept.read_text("utf-8"))
            if found.pop("key") == key:
                return Row(**found)
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            row = self._measured(variant, about, *make())
        except MissingDependencyError as error:
            # Not kept, because it may be there the next time.
            return Row(variant, about, reason=str(error))
        except EdgyError as error:
            row = Row(variant, about, reason=str(error))
        finally:
            # Or the graphs of all variants would fill the memory.
            tf_keras.backend.clear_session()
        with atomic_file(kept) as file:
            file.write(json.dumps({"key": key} | asdict(row), indent=1).encode())
        return row

    def _measured(self, variant: str, about: str, compressed: Compressed, seconds: float) -> Row:
        outcome = self._material.outcome(variant, compressed, self.path(variant))
        *layers, _ = convolutions(compressed.model)
        return Row(
            variant=variant,
            about=about,
            size=outcome.size,
            zipped=outcome.zipped,
            macs=outcome.macs,
            agreement=outcome.agreement.share,
            snr=self._material.latent_snr(compressed.model),
            zeros=sum(int(np.sum(k == 0)) for k in layers) / sum(k.size for k in layers),
            sha256=hashlib.sha256(compressed.model).hexdigest(),
            seconds=seconds,
        )

    def times(self, variants: Sequence[str]) -> dict[str, StageCost]:
        """Time of the convolutions and the search on one thread, log-mel to codes, of all variants in turn."""
        job = {"stage": "network", "threads": 1, "runs": RUNS, "warmup_runs": 1}
        costs = measured_in_turn([job | self._input(self.path(v)) for v in variants])
        return dict(zip(variants, costs, strict=True))

    def _input(self, path: Path) -> dict[str, object]:
        preset = asdict(self._material.teacher.preset)
        return {"path": str(path), "preset": preset, "samples": SECONDS * read_info(path).sample_rate}
