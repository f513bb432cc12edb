"""A compressed encoder beside those of its release: whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from converters.verify import Agreement, KerasEncoder, agreement
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import compress
from edgy_tf.compress.recipe import Recipe
from edgy_tf.corpora import Corpus, hold_out, some_speech, to_float32
from edgy_tf.cost import cost_of
from edgy_tf.errors import ModelError
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from edgy_tf.preset import preset_from_dict
from edgy_tf.releases import MANIFEST, Release, find_release
from edgy_tf.train.loop import split
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


def add_variant(
    release: Release,
    recipe: Recipe,
    corpus: Corpus,
    out: Path,
    work: Path | None = None,
    report: Callable[[str, float], object] = lambda stage, share: None,
) -> Outcome:
    """Compress a release's encoder, and write the release with it into ``out``.

    Args:
        release: whose full-precision network is the teacher.
        recipe: how.
        corpus: what the release was trained on: students learn on it, and are judged on its held-out speakers.
        out: folder of the new release; one that has the same network is added to.
        work: folder that keeps the prepared corpus for the next time; that of ``edgy train`` has it already.
        report: see `edgy_tf.compress.pipeline.compress`.

    Raises:
        CorpusError: no speech to learn on.
        ModelError: ``release`` is damaged, ``out`` holds something else, or the recipe does not do what it promises.
    """
    base = _base(release, out)
    release.verify()
    base.verify()
    teacher = Network.load(release.network)
    if (preset_from_dict(release.preset, release.name), release.codebook_id) != (teacher.preset, teacher.codebook_id):
        raise ModelError(f"the network of release {release.name} is of another preset or codebook; export it again")
    training, validation = hold_out(corpus, 0.05, SPLIT_SEED)
    calibration = [encoder_input(to_float32(pcm), teacher.preset) for pcm in some_speech(training, CALIBRATION)]
    held_out = some_speech(validation, HELD_OUT)
    licence = read_info(release.encoder("float32")).licence
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        speech = split(corpus, teacher.preset.front_end, work or Path(temporary), SPLIT_SEED)
        lesson = Lesson(teacher, *speech, recipe.seed)
        compressed = compress(teacher, recipe, lesson, calibration, licence, out.name, report)
        folder = Path(temporary) / "release"
        shutil.copytree(base.folder, folder)
        path = folder / f"encoder-{recipe.name}.tflite"
        path.write_bytes(compressed.model)
        compared = agreement(KerasEncoder(teacher).encode, {recipe.name: EdgeEncoder(path).encode}, held_out)
        _write_manifest(folder, base, out.name, path)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)
    return Outcome(
        variant=recipe.name,
        size=len(compressed.model),
        zipped=zipped(compressed.model),
        macs=cost_of(compressed.preset).encoder_macs,
        agreement=compared[recipe.name],
    )


def zipped(model: bytes) -> int:
    """Bytes of a file after gzip, as it would travel."""
    return len(gzip.compress(model, 9, mtime=0))


def _base(release: Release, out: Path) -> Release:
    """The release that the variant is added to: what ``out`` holds already, or else the teacher's."""
    if not out.exists() or not any(out.iterdir()):
        return release
    if not (out / MANIFEST).exists():
        raise ModelError(f"{out} is not empty and not a release; choose another folder")
    there = find_release(str(out.absolute()))
    if there.files.get(release.network.name) != release.files[release.network.name]:
        raise ModelError(f"{out} is a release of another network; choose another folder")
    return there


def _write_manifest(folder: Path, base: Release, name: str, added: Path) -> None:
    files = base.files | {added.name: hashlib.sha256(added.read_bytes()).hexdigest()}
    about = asdict(replace(base, name=name, files=dict(sorted(files.items()))))
    del about["folder"]
    (folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")
