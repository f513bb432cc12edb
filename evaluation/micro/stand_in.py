"""An encoder of the preset ``micro`` that needs no training, to measure costs and compare bits on.

It is what the recipe ``micro`` makes of the release ``pi`` before it learns: real weights and codebook, fewer filters.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from converters.encoder import convert_encoder
from edgy_tf.compress.filters import remove_filters
from edgy_tf.compress.recipe import Filters, load_recipe
from edgy_tf.corpora import read_pcm16, to_float32
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from pi_runtime.golden import RECORDING


def write_stand_in(folder: Path) -> Path:
    """Write ``encoder-int8.tflite`` into ``folder``; equal releases and recipes give equal bytes."""
    network = Network.load(find_release("pi").network)
    for stage in load_recipe("micro").stages:
        if isinstance(stage, Filters):
            network = remove_filters(network, stage.criterion, stage.rate)
    network = replace(network, preset=replace(network.preset, name="micro"))
    mel = encoder_input(to_float32(read_pcm16(RECORDING)), network.preset)
    path = folder / "encoder-int8.tflite"
    path.write_bytes(convert_encoder(network, "int8", [mel], "Apache-2.0"))
    return path
