"""The stages of a recipe, one after the other, each held to what it promises."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras

from converters.encoder import convert_layers, model_info
from converters.rounding import rounded
from converters.variants import INT8_WEIGHTS
from edgy_tf import __version__
from edgy_tf.compress.clusters import share_weights
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.filters import best_filters, keep_filters
from edgy_tf.compress.gates import prune_by_gates
from edgy_tf.compress.layerwise import refitted, with_zeros
from edgy_tf.compress.properties import Promise
from edgy_tf.compress.quantised import train_quantised
from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Recipe, Sparsity, Stage, recipe_to_dict
from edgy_tf.compress.sparsity import prune_by_magnitude
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from edgy_tf.weights import variables_of

Report = Callable[[str, float], object]


@dataclass(frozen=True)
class Compressed:
    """One variant.

    Attributes:
        model: the ``.tflite``, its description packed behind it.
        preset: the teacher's, with the width that is left.
    """

    model: bytes
    preset: Preset


def compress(
    teacher: Network,
    recipe: Recipe,
    lesson: Lesson,
    calibration: Sequence[np.ndarray],
    licence: str,
    release: str = "",
    report: Report = lambda stage, share: None,
    keep: Path | None = None,
) -> Compressed:
    """Take a network through a recipe; equal arguments give equal bytes.

    Args:
        teacher: the uncompressed network.
        recipe: what to do.
        lesson: what its stages learn from.
        calibration: log-mel of real speech, ``[frames, mels]`` each, that int8 takes its ranges from, and by
            which weights are rounded to 8 bits.
        licence: of the weights, written into the file.
        release: that the file becomes part of, written into the file.
        report: is told of each stage that trains, and the share of held-out codes that are the teacher's after it.
        keep: folder that keeps the network after each stage; a stage that is there is not done again. None keeps none.

    Raises:
        ModelError: the network cannot be compressed so, or a promise is not kept.
    """
    tf_keras.utils.set_random_seed(lesson.seed)
    network, promise, numbers = teacher, Promise(teacher.preset.encoder.units), Quantise(kind="float32")
    encoder = None
    for number, stage in enumerate(recipe.stages, start=1):
        name = type(stage).__name__.lower()
        if isinstance(stage, Quantise):
            numbers = stage
            # Rounded together, clusters would not keep to their few values.
            if stage.fitted and stage.kind in (*INT8_WEIGHTS, "qat") and not promise.clusters:
                network = rounded(network, calibration)
            if stage.kind == "qat":
                encoder = train_quantised(network, stage, lesson, promise.sparsity > 0, promise.clusters > 0)
                report(name, lesson.judge(encoder))
            promise = promise.after(stage)
        else:
            kept = keep and keep / _name_after(teacher, recipe, number, lesson.seed)
            if kept and kept.exists():
                network = _named_as(teacher, Network.load(kept))
            else:
                network = _train(network, stage, lesson, promise, calibration)
                if kept:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    network.save(kept)
            promise = promise.after(stage)
            promise.check(network, name)
            report(name, lesson.judge(network.encoder(api=tf_keras)))
    encoder = encoder or network.encoder(api=tf_keras)
    info = model_info(network, recipe.name, numbers.kind, licence, release)
    float_sums = numbers.sums == "float32"
    model = convert_layers(network, encoder, numbers.kind, calibration, info, promise.clusters, float_sums)
    promise.check_file(model)
    return Compressed(model, network.preset)


def _named_as(teacher: Network, kept: Network) -> Network:
    """A kept network, which may have been made for a release of another name."""
    named = replace(kept.preset, name=teacher.preset.name, about=teacher.preset.about)
    return replace(kept, preset=named)


def _name_after(teacher: Network, recipe: Recipe, number: int, seed: int) -> str:
    """Name of a file that holds the network after so many stages, of all that it follows from."""
    digest = hashlib.sha256(json.dumps([__version__, recipe_to_dict(recipe)["stages"][:number], seed]).encode())
    for name, value in sorted(teacher.arrays.items()):
        digest.update(name.encode() + value.tobytes())
    return f"{recipe.name}-{number}-{digest.hexdigest()[:16]}.safetensors"


def _train(network: Network, stage: Stage, lesson: Lesson, so_far: Promise, speech: Sequence[np.ndarray]) -> Network:
    match stage:
        case Filters():
            return _without_filters(network, stage, lesson, speech)
        case Sparsity(method="l0"):
            return prune_by_gates(network, stage, lesson, speech)
        case Sparsity():
            return prune_by_magnitude(network, stage, lesson, speech)
        case Clusters():
            return share_weights(network, stage, lesson, so_far.sparsity > 0, speech)
    raise TypeError(f"{stage} is not a stage that changes weights")


def _without_filters(
    network: Network, stage: Filters, lesson: Lesson, speech: Sequence[npt.NDArray[np.float32]]
) -> Network:
    kept = best_filters(network, stage.criterion, stage.rate)
    smaller = keep_filters(network, kept)
    if stage.fitted:
        smaller = refitted(smaller, network, speech, with_zeros, kept)
    student: Any = smaller.encoder(api=tf_keras)
    lesson.teach(student, stage)
    return smaller.with_encoder(variables_of(student))
