"""The stages of a recipe, one after the other, each held to what it promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras

from converters.encoder import BLOCK
from converters.quantised import convert_compressed
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.filters import remove_filters
from edgy_tf.compress.properties import Promise
from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Recipe, Sparsity
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from edgy_tf.weights import variables_of


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
    report: Callable[[str, float], object] = lambda stage, share: None,
) -> Compressed:
    """Take a network through a recipe; equal arguments give equal bytes.

    Args:
        teacher: the uncompressed network.
        recipe: what to do.
        lesson: what its stages learn from.
        calibration: log-mel of real speech, ``[frames, mels]`` each, that int8 takes its ranges from.
        licence: of the weights, written into the file.
        report: is told of each stage but the converter's and the share of held-out codes equal to the teacher's.

    Raises:
        ModelError: the network cannot be compressed so, or a promise is not kept.
    """
    tf_keras.utils.set_random_seed(lesson.seed)
    network, promise = teacher, Promise(teacher.preset.encoder.units)
    for stage in recipe.stages:
        promise = promise.after(stage)
        name = f"{type(stage).__name__.lower()}"
        match stage:
            case Filters():
                network = _without_filters(network, stage, lesson)
            case Sparsity():
                network = _sparse(network, stage, lesson)
            case Clusters():
                raise NotImplementedError
            case Quantise():
                break
        promise.check(network, name)
        report(name, lesson.judge(network.encoder(api=tf_keras)))
    kind = stage.kind if isinstance(stage, Quantise) else "float32"
    encoder = network.encoder(network.preset.frames_for(BLOCK), api=tf_keras)
    model = convert_compressed(network, encoder, kind, recipe.name, calibration, licence)
    promise.check_file(model)
    return Compressed(model, network.preset)


def _without_filters(network: Network, stage: Filters, lesson: Lesson) -> Network:
    smaller = remove_filters(network, stage.criterion, stage.rate)
    student = smaller.encoder(api=tf_keras)
    lesson.teach(student, stage)
    return smaller.with_encoder(variables_of(student))


def _sparse(network: Network, stage: Sparsity, lesson: Lesson) -> Network:
    # Imported here, as clusters are: TF-MOT takes seconds to import.
    from edgy_tf.compress.sparsity import prune_by_magnitude

    return prune_by_magnitude(network, stage, lesson)
