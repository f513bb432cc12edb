"""One trial: compress by a recipe as ``edgy compress`` does, and measure what came out."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import tf_keras

from edgy_tf.compress.recipe import Recipe
from edgy_tf.compress.variant import Material
from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.errors import EdgyError
from edgy_tf.releases import find_release
from evaluation.autotune.leak import Leak
from evaluation.autotune.limits import Limits, Measures
from evaluation.plan import load_plan
from evaluation.stages import measured
from evaluation.userland.devices import UserlandError
from evaluation.userland.instructions import A72, emulated, per_second
from evaluation.words import Words
from pi_runtime import EdgeEncoder, read_info

PLAN = "codes"
"""The audit's plan that says whose words and whose secrets are measured."""
SECONDS, RUNS = 10, 20
"""Of audio in a measured run, and how many there are."""


@dataclass(frozen=True)
class Task:
    """What all trials of a search have in common; it can be sent to another machine that sees the same folders.

    Attributes:
        release: name or folder of the release.
        corpus: folders of what it was trained on.
        work: folder that keeps the prepared corpus and the texts of recognisers.
        limits: those on words and secrets are measured only of what meets all others.
        seed: of every recipe.
        recogniser: see `edgy_tf.recognisers.open_recogniser`.
    """

    release: str
    corpus: tuple[str, ...]
    work: Path
    limits: Limits
    seed: int
    recogniser: str = "auto"


class Workshop:
    """Compresses and measures; whatever trials share is read once.

    Raises:
        EdgyError: no such release or corpus, or a limit that cannot be measured on it.
    """

    def __init__(self, task: Task) -> None:
        self._limits = task.limits
        release = find_release(task.release)
        corpus = Corpus.merge(open_corpus(folder) for folder in task.corpus)
        self._name = release.name
        self._material = Material(release, corpus)
        self._lesson = self._material.lesson(task.work, task.seed)
        plan = load_plan(PLAN)
        self._words = self._leak = self._device = None
        if task.limits.max_instructions is not None:
            try:
                self._device = emulated(*A72)
            except UserlandError as error:
                raise UserlandError(f"{error}; or leave --max-instructions out") from error
        if task.limits.max_wer_rise is not None:
            try:
                self._words = Words(release, corpus, plan.utility.utterances, task.recogniser, task.work / "texts")
            except EdgyError as error:
                raise EdgyError(f"{error}; or leave --max-wer-rise out") from error
        if task.limits.max_leak_rise is not None:
            self._leak = Leak(release, corpus, plan)
        self.skipped = corpus.skipped_report()

    def measure(self, recipe: Recipe) -> Measures:
        """Compress and measure; equal recipes give equal bytes.

        Raises:
            EdgyError: the recipe does not suit the release.
        """
        # Its bars would stand between the lines of the trials.
        tf_keras.utils.disable_interactive_logging()
        try:
            compressed = self._material.compress(recipe, self._lesson, self._name)
        finally:
            tf_keras.utils.enable_interactive_logging()
            # Or the graphs of a night's trials would fill the memory.
            tf_keras.backend.clear_session()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"encoder-{recipe.name}.tflite"
            path.write_bytes(compressed.model)
            outcome = self._material.outcome(recipe.name, compressed, path)
            found = Measures(
                agreement=outcome.agreement.share,
                size=outcome.size,
                zipped=outcome.zipped,
                macs=outcome.macs,
                ms=_milliseconds(path),
                sha256=hashlib.sha256(compressed.model).hexdigest(),
            )
            if self._device and not self._limits.missed(found):
                found = replace(found, instructions=per_second(self._device, path))
            if self._limits.missed(found):
                return found
            encode = EdgeEncoder(path).encode
            if self._words:
                found = replace(found, wer_rise=self._words.rise(encode))
            if self._leak and not self._limits.missed(found):
                found = replace(found, leak_rise=self._leak.rise(encode))
        return found


def _milliseconds(path: Path) -> float:
    """CPU time for a second of audio: what else the machine does meanwhile does not count."""
    job = {"stage": "encode", "path": str(path), "samples": SECONDS * read_info(path).sample_rate}
    return 1e3 * measured(job | {"threads": 1, "runs": RUNS, "warmup_runs": 1}).cpu_s / SECONDS
