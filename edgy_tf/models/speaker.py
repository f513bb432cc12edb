"""The voice: what a speaker embedding selects (paper sections 3.2 and 4.2.1)."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from edgy_tf.models.resnet import build_thin_resnet34
from edgy_tf.preset import Preset


def build_speaker(preset: Preset, speakers: int) -> Any:
    """The speaker embedding of a preset: a one-hot table of ``speakers`` rows, or a Thin ResNet-34.

    The ResNet does not train here: ``edgy train-speaker`` has taught it to tell people apart.
    """
    if preset.speaker.kind == "table":
        table = layers.Embedding(
            speakers, preset.speaker.dim, keras.initializers.RandomNormal(stddev=0.3), name="speaker"
        )
        table.build((None,))
        return table
    network = build_thin_resnet34(preset.front_end.mels, preset.speaker.dim)
    network.trainable = False
    return network
