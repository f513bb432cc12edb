"""A compressed encoder beside those of its release: whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from converters.encoder import convert_encoder, convert_layers, model_info
from converters.report import compare_layers
from converters.verify import Agreement, KerasEncoder, agreement
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import Compressed, Report, compress
from edgy_tf.compress.recipe import Recipe
from edgy_tf.corpora import Corpus, hold_out, some_speech, to_float32
from edgy_tf.cost import cost_of
from edgy_tf.errors import ModelError
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from edgy_tf.preset import preset_from_dict
from edgy_tf.releases import MANIFEST, Release, find_release, release_names
from edgy_tf.train.loop import split
from edgy_tf.train.prepared import FOLDER
from edgy_tf.weights import whole_folder
from pi_runtime import EdgeEncoder
from pi_runtime.model_file import read_info

SPLIT_SEED = 0
"""Holds out the speakers that ``edgy train`` does by default, for every recipe the same."""
CALIBRATION = 100
HELD_OUT = 20
"""Utterances that int8 is calibrated on, and that the result is compared on."""


@dataclass(frozen=True)
class Outcome:
    """What a recipe made of a release's encoder.

    Attributes:
        variant: its name in the release.
        size: bytes of its file.
        zipped: bytes of its file after gzip.
        macs: multiply-accumulates per second of audio; zeros are multiplied too.
        agreement: with the uncompressed network in Keras, on held-out speakers.
    """

    variant: str
    size: int
    zipped: int
    macs: float
    agreement: Agreement


class Material:
    """What recipes for a release work with, read once for any number of them.

    Args:
        release: whose full-precision network is the teacher.
        corpus: what it was trained on: students learn on it, and are judged on its held-out speakers.

    Raises:
        CorpusError: no speech to learn on.
        ModelError: ``release`` is damaged.

    Attributes:
        teacher: the uncompressed network.
    """

    def __init__(self, release: Release, corpus: Corpus) -> None:
        release.verify()
        if release.decoder:
            raise ModelError(f"release {release.name} is an encoder alone; compress {release.decoder}, which it is of")
        self.teacher = Network.load(release.network)
        described = preset_from_dict(release.preset, release.name), release.codebook_id
        if described != (self.teacher.preset, self.teacher.codebook_id):
            raise ModelError(f"the network of release {release.name} is of another preset or codebook; export it again")
        training, validation = hold_out(corpus, 0.05, SPLIT_SEED)
        speech = some_speech(training, CALIBRATION)
        self._corpus = corpus
        self._calibration = [encoder_input(to_float32(pcm), self.teacher.preset) for pcm in speech]
        self._held_out = some_speech(validation, HELD_OUT)
        self._keras = KerasEncoder(self.teacher)
        self._licence = read_info(release.encoder("float32")).licence

    def lesson(self, work: Path, seed: int) -> Lesson:
        """What students learn from; the folder ``work`` keeps the prepared corpus, or has it from ``edgy train``.

        Raises:
            CorpusError: no speech to learn on.
        """
        front_end = self.teacher.preset.front_end
        return Lesson(self.teacher, *split(self._corpus, front_end, work / FOLDER, SPLIT_SEED), seed)

    def uncompressed(self, release: str) -> bytes:
        """The teacher in float32, as it is converted today: the file of an older release may have other signatures."""
        return convert_encoder(self.teacher, "float32", [], self._licence, release)

    def compress(
        self,
        recipe: Recipe,
        lesson: Lesson,
        release: str,
        report: Report = lambda stage, share: None,
        keep: Path | None = None,
    ) -> Compressed:
        """Take the teacher through a recipe, see `edgy_tf.compress.pipeline.compress`."""
        return compress(self.teacher, recipe, lesson, self._calibration, self._licence, release, report, keep)

    def outcome(self, variant: str, compressed: Compressed, path: Path) -> Outcome:
        """Measure what came out, whose file lies at ``path``."""
        encoders = {variant: EdgeEncoder(path).encode}
        return Outcome(
            variant=variant,
            size=len(compressed.model),
            zipped=zipped(compressed.model),
            macs=cost_of(compressed.preset).encoder_macs,
            agreement=agreement(self._keras.encode, encoders, self._held_out)[variant],
        )

    def latent_snr(self, model: bytes) -> float:
        """How far the latents of a ``.tflite`` stand above their error, dB, on the speech that `outcome` compares."""
        return list(compare_layers(model, self.teacher, self._held_out)[0].values())[-1]

    def convert(self, network: Network, encoder: Any, numbers: str, variant: str, release: str) -> Compressed:
        """What another tool made of the teacher, converted as ``compress`` does it.

        Args:
            network: of the teacher's codebook, with the width that is left.
            encoder: see `converters.encoder.convert_layers`.
            numbers: the same.
            variant: its name.
            release: that the file becomes part of, written into the file.

        Raises:
            ModelError: as `converters.encoder.convert_layers` does.
        """
        info = model_info(network, variant, numbers, self._licence, release)
        model = convert_layers(network, encoder, numbers, self._calibration, info)
        return Compressed(model, network.preset)


def add_variant(
    release: Release,
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    work: Path | None = None,
    report: Report = lambda stage, share: None,
    alone: bool = False,
) -> Outcome:
    """Compress a release's encoder, and write the release with it into ``out``.

    Args:
        release: see `Material`.
        recipe: how.
        corpus: see `Material`.
        out: folder of the new release; one that has the same network is added to.
        work: folder that keeps the prepared corpus for the next time; that of ``edgy train`` has it already.
        report: see `edgy_tf.compress.pipeline.compress`.
        alone: write a release of the new encoder and nothing else, as its int8 variant, whose codes ``release``
            decodes; one that is there is replaced.

    Raises:
        CorpusError: no speech to learn on.
        ModelError: ``release`` is damaged, ``out`` holds something else, or the recipe does not do what it promises.
    """
    base = _base(release, out, alone)
    base.verify()
    material = Material(release, corpus)
    if alone:
        material.teacher = _named(material.teacher, out.name, recipe.about)
        recipe = replace(recipe, name="int8")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        lesson = material.lesson(work or Path(temporary), recipe.seed)
        compressed = material.compress(recipe, lesson, out.name, report, work and work / "stages")
        if alone:
            preset = asdict(compressed.preset)
            decoder = release.name if release.name in release_names() else str(release.folder.absolute())
            base = replace(base, preset=preset, files={}, decoder=decoder)
        path = Path(temporary) / f"encoder-{recipe.name}.tflite"
        path.write_bytes(compressed.model)
        outcome = material.outcome(recipe.name, compressed, path)
        with_encoder(base, recipe.name, path, out)
    return outcome


def with_encoder(base: Release, variant: str, model: Path, out: Path) -> None:
    """Write a release with one more encoder, ``model``, into the folder ``out``, in the place of what was there.

    Of a base without files, nothing else goes there.
    """
    with whole_folder(out) as folder:
        if base.files:
            shutil.copytree(base.folder, folder, dirs_exist_ok=True)
        path = folder / f"encoder-{variant}.tflite"
        shutil.copyfile(model, path)
        _write_manifest(folder, base, out.name, path)


def zipped(model: bytes) -> int:
    """Bytes of a file after gzip, as it would travel."""
    return len(gzip.compress(model, 9, mtime=0))


def _named(network: Network, name: str, about: str) -> Network:
    return replace(network, preset=replace(network.preset, name=name, about=about))


def _base(release: Release, out: Path, alone: bool) -> Release:
    """The release that the variant is added to: what ``out`` holds already, or else the teacher's."""
    if not out.exists() or not any(out.iterdir()):
        return release
    if not (out / MANIFEST).exists():
        raise ModelError(f"{out} is not empty and not a release; choose another folder")
    there = find_release(str(out.absolute()))
    if alone and there.decoder in (release.name, str(release.folder.absolute())):
        return release
    if alone or there.files.get(release.network.name) != release.files[release.network.name]:
        raise ModelError(f"{out} is a release of another network; choose another folder")
    return there


def _write_manifest(folder: Path, base: Release, name: str, added: Path) -> None:
    files = base.files | {added.name: hashlib.sha256(added.read_bytes()).hexdigest()}
    about = asdict(replace(base, name=name, files=dict(sorted(files.items()))))
    del about["folder"]
    (folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")
