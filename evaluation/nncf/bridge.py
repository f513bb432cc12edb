"""Take a network to NNCF's environment and what came of it back, by files; the ``.tflite`` is made by our converter."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.filters import keep_filters
from edgy_tf.compress.gates import PULL, TRAVEL
from edgy_tf.compress.properties import kernels_of
from edgy_tf.compress.quantised import Ends, emulate, set_ranges
from edgy_tf.compress.recipe import FineTuning, Recipe
from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.weights import Arrays, load_arrays, variables_of
from evaluation.nncf.config import config_of, training
from evaluation.nncf.environment import SOURCE, interpreter

TOLERANCE = 1e-4
"""Largest difference between latents of the same weights here and there; their codes are all equal."""
SHARE = 0.99
"""Least share of codes that must be NNCF's own after the way back: int8 rounds sums of another order another way."""
_SPREAD = 0.05
"""NNCF's penalty on gates is that of ours over the square of this."""


@dataclass(frozen=True)
class Trained:
    """What NNCF left.

    Attributes:
        network: the teacher's, with NNCF's weights; those that a mask hides are 0.
        activations: ends of the range of each quantised layer's output, by its name; none where nothing is int8.
        kernels: largest absolute value of each quantised filter, by the convolution's name.
        seconds: of CPU that compressing and fine-tuning took.
    """

    network: Network
    activations: Mapping[str, Ends]
    kernels: Mapping[str, npt.NDArray[np.float32]]
    seconds: float

    @property
    def numbers(self) -> str:
        """How the converter is to store convolutions, see `converters.encoder.convert_layers`."""
        return "qat" if self.activations else "float32"

    def encoder(self) -> Any:
        """A ``tf_keras`` encoder that computes what NNCF's model does."""
        if not self.activations:
            return self.network.encoder(api=tf_keras)
        encoder = emulate(self.network)
        set_ranges(encoder, self.activations, self.kernels)
        return encoder


def train(recipe: Recipe, weights: Path, lesson: Lesson, folder: Path) -> Trained:
    """Let NNCF do all stages of a recipe on the data, and with the steps, seed and schedule, of our own.

    Args:
        recipe: what to do.
        weights: of the uncompressed network, as a release has them.
        lesson: what students learn from.
        folder: keeps what is done: an interrupted run goes on after its last finished recipe.

    Raises:
        MissingDependencyError: no environment.
        ModelError: NNCF does not have a stage, or fails: its own message.
    """
    how, teacher = training(recipe), Network.load(weights)
    examples = np.stack(list(lesson.examples()))
    # What the files hold, so that those of another corpus or network are not taken for them.
    content = hashlib.sha256(weights.read_bytes() + examples.tobytes()).hexdigest()[:16]
    batches = folder.parent / "lessons" / f"{content}-seed-{lesson.seed}-batch-{how.batch}-steps-{how.steps}.npy"
    job = {
        "config": config_of(recipe, examples.shape[2], examples.shape[3]),
        "how": asdict(how),
        "seed": recipe.seed,
        "network": str(weights.absolute()),
        "batches": str(batches.absolute()),
        "examples": str((folder / "examples.npy").absolute()),
        "gates": _gates(teacher, how),
    }
    done, mark, text = folder / "trained.safetensors", folder / "job.json", json.dumps(job, indent=1)
    if not done.exists() or mark.read_text("utf-8") != text:
        done.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "examples.npy", examples)
        mark.write_text(text, "utf-8")
        _write_batches(lesson, how, batches)
        _run(folder)
    return _returned(teacher, examples[0], *load_arrays(done))


def shrunk(trained: Trained) -> Trained:
    """The same encoder without the filters that NNCF has set to zero.

    Raises:
        ModelError: none are, or others in layers that a sum joins, or not equally many in all.
    """
    network = trained.network
    whole = network.preset.encoder.units
    kept = {i: sounding(network, i) for i in range(1, 1 + len(network.preset.encoder.layers))}
    widths = sorted({len(one) for one in kept.values()})
    joined = all(np.array_equal(kept[i], kept[group[0]]) for group in network.preset.joined_layers for i in group)
    if len(widths) > 1 or widths == [whole] or not joined:
        raise ModelError(f"NNCF left {' and '.join(map(str, widths))} of {whole} filters: nothing can be removed")
    kernels = {name: scale[kept[int(name.removeprefix("conv"))]] for name, scale in trained.kernels.items()}
    return replace(trained, network=keep_filters(network, [*kept.values()]), kernels=kernels)


def sounding(network: Network, layer: int) -> npt.NDArray[np.int64]:
    """Filters of a layer that can give anything but zero."""
    parts = [network.arrays[f"conv{layer}/kernel"], *(network.arrays[f"norm{layer}/{n}"] for n in ("gamma", "beta"))]
    return np.flatnonzero(np.any([np.any(p.reshape(-1, p.shape[-1]) != 0, axis=0) for p in parts], axis=0))


def _gates(teacher: Network, how: FineTuning) -> dict[str, float]:
    """How hard and how fast gates are pulled shut, by the rules of `edgy_tf.compress.gates`; or none would close."""
    weights = sum(kernel.size for kernel in kernels_of(teacher.arrays).values())
    return {"pull": PULL * weights**0.5 * _SPREAD**2, "speed": 2 * TRAVEL / (how.learning_rate * how.steps)}


def _write_batches(lesson: Lesson, how: FineTuning, path: Path) -> None:
    """The very batches that our students learn from, in a file that all recipes of equal length share."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of a name of its own, because another process may be at the same.
    part = path.with_suffix(f".{os.getpid()}.npy")
    out = None
    for step, mel in enumerate(lesson.mels(how)):
        if out is None:
            out = np.lib.format.open_memmap(part, "w+", mel.dtype, (how.steps, *mel.shape))
        out[step] = mel
    part.rename(path)


def _run(folder: Path) -> None:
    # Our packages alone are in sight there, not what else is installed beside them here.
    sight = folder / "path"
    sight.mkdir(exist_ok=True)
    package = sight / "edgy_tf"
    package.unlink(missing_ok=True)
    package.symlink_to(SOURCE / "edgy_tf")
    command = [str(interpreter()), "-P", str(SOURCE / "evaluation" / "nncf" / "worker.py"), str(folder.absolute())]
    with (folder / "log.txt").open("w+", encoding="utf-8", errors="replace") as log:
        environment = os.environ | {"PYTHONPATH": str(sight.absolute())}
        code = subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT).returncode
        log.seek(0)
        lines = [line.strip() for line in log if re.match(r"[\w.]+(Error|Exception)\b", line)]
    if code:
        raise ModelError(f"NNCF failed: {lines[-1] if lines else f'status {code}'}; see {folder / 'log.txt'}")


def _returned(teacher: Network, mel: npt.NDArray[np.float32], arrays: Arrays, about: Mapping[str, Any]) -> Trained:
    ours = np.asarray(teacher.encoder(api=tf_keras)(mel))
    if not np.allclose(ours, arrays["before"], atol=TOLERANCE) or _alike(teacher, ours, arrays["before"]) < 1:
        raise ModelError("NNCF's environment computes other latents from the same weights; run: make nncf-env again")
    names = variables_of(teacher.encoder(api=tf_keras))
    trained = Trained(
        network=teacher.with_encoder({name: arrays[name] for name in names}),
        activations=_activations(arrays),
        kernels=_kernels(arrays),
        seconds=float(about["seconds"]),
    )
    share = _alike(teacher, np.asarray(trained.encoder()(mel, training=False)), arrays["after"])
    if share < SHARE:
        raise ModelError(f"only {100 * share:.1f} % of NNCF's codes came back; report this recipe")
    return trained


def _alike(teacher: Network, *latents: npt.NDArray[np.float32]) -> float:
    """Share of equal codes."""
    codebook = teacher.codebook
    bias = 0.5 * np.sum(np.square(codebook), -1)
    one, other = (np.argmax(z @ codebook.T - bias, -1) for z in latents)
    return float(np.mean(one == other))


def _activations(arrays: Arrays) -> dict[str, Ends]:
    """Ranges by the name of the layer that they are behind; NNCF's layers are called ``LAYER/fake_quantize``."""
    ranges = {}
    for name, value in arrays.items():
        layer, _, kind = name.rpartition("/fake_quantize_")
        layer = layer.partition("/")[0]
        if kind == "input_low":
            low, width = float(value), float(abs(arrays[name.replace("input_low", "input_range")]))
            # A range must have 0 in it: TensorFlow's emulation moves one that begins above, and leaves it as wide.
            ranges[layer] = (0.0, width) if low > 0 else (low, low + width)
        elif kind == "scale":
            # Signed is -1 where values may be negative, and 0 otherwise.
            ranges[layer] = float(value * arrays[name[:-5] + "signed"]), float(value)
    return ranges


def _kernels(arrays: Arrays) -> dict[str, npt.NDArray[np.float32]]:
    """Largest absolute value that a filter can have, by convolution."""
    return {n.partition("/")[0]: np.abs(v) for n, v in arrays.items() if n.endswith("/kernel_scale")}
