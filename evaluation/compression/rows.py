"""Compress a release by one recipe after the other and measure what came out; what is done is not done again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tf_keras

from edgy_tf import __version__
from edgy_tf.compress.recipe import Recipe, recipe_to_toml
from edgy_tf.compress.variant import Material, zipped
from edgy_tf.corpora import Corpus
from edgy_tf.cost import cost_of
from edgy_tf.errors import ModelError
from edgy_tf.releases import Release
from edgy_tf.weights import atomic_file
from evaluation.stages import StageCost, measured_in_turn
from pi_runtime import read_info

FLOAT = "float32"
SECONDS, RUNS = 10, 20
"""Of audio in a measured run, and how many there are."""


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
        sha256: of the file.
        seconds: that fine-tuning and conversion took on this machine.
        reason: why there is no file; the figures above mean nothing then.
    """

    variant: str
    about: str
    size: int = 0
    zipped: int = 0
    macs: float = 0.0
    agreement: float = 0.0
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
    """

    def __init__(self, release: Release, corpus: Corpus, work: Path) -> None:
        self._release, self._corpus, self._work = release, corpus, work
        self._material = Material(release, corpus)

    def path(self, variant: str) -> Path:
        """The file of a variant, once it is made."""
        return self._work / variant / "encoder.tflite"

    def baseline(self) -> Row:
        """The release's own encoder in float32, converted as the variants are."""
        model = self._material.uncompressed(self._release.name)
        self.path(FLOAT).parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.path(FLOAT)) as file:
            file.write(model)
        macs = cost_of(self._material.teacher.preset).encoder_macs
        about = "the release, uncompressed"
        return Row(FLOAT, about, len(model), zipped(model), macs, 1.0, hashlib.sha256(model).hexdigest())

    def row(self, recipe: Recipe) -> Row:
        """Compress by a recipe, or read what came of it before."""
        key = json.dumps([__version__, self._release.files[self._release.network.name], recipe_to_toml(recipe)])
        kept = self._work / recipe.name / "row.json"
        if kept.exists():
            found = json.loads(kept.read_text("utf-8"))
            if found.pop("key") == key:
                return Row(**found)
        kept.parent.mkdir(parents=True, exist_ok=True)
        row = self._compressed(recipe)
        with atomic_file(kept) as file:
            file.write(json.dumps({"key": key} | asdict(row), indent=1).encode())
        return row

    def _compressed(self, recipe: Recipe) -> Row:
        begun = time.monotonic()
        lesson = self._material.lesson(self._work, recipe.seed)
        try:
            compressed = self._material.compress(recipe, lesson, self._release.name)
        except ModelError as error:
            return Row(recipe.name, recipe.about, reason=str(error), seconds=time.monotonic() - begun)
        finally:
            # Or the graphs of all recipes would fill the memory.
            tf_keras.backend.clear_session()
        seconds = time.monotonic() - begun
        path = self.path(recipe.name)
        with atomic_file(path) as file:
            file.write(compressed.model)
        outcome = self._material.outcome(recipe.name, compressed, path)
        return Row(
            variant=recipe.name,
            about=recipe.about,
            size=outcome.size,
            zipped=outcome.zipped,
            macs=outcome.macs,
            agreement=outcome.agreement.share,
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
