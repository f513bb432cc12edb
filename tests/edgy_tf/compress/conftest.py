"""A lesson of seconds: a small teacher whose codes differ, and the tones."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.compress.distil import Lesson
from edgy_tf.corpora import load, open_corpus, to_float32
from edgy_tf.frontend import encoder_input
from edgy_tf.network import Network
from edgy_tf.releases import find_release
from edgy_tf.train.loop import split


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Runs TensorFlow step by step: for a step or two that is quicker than to build a graph."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def speech(tones: Path, tiny_release: Path) -> list[np.ndarray]:
    """Log-mel of the training voices, ``[frames, mels]`` each."""
    preset = Network.load(find_release(str(tiny_release)).network).preset
    return [encoder_input(to_float32(pcm), preset) for _, pcm in load(open_corpus(tones).select(split="train"))]


@pytest.fixture(scope="session")
def teacher(tiny_release: Path, speech: list[np.ndarray]) -> Network:
    """The tiny network, hardly trained, with a codebook of its own latents: nearly every code is used."""
    network = Network.load(find_release(str(tiny_release)).network)
    latents = np.concatenate([np.asarray(network.encoder()(mel[None]))[0] for mel in speech])
    codebook = latents[np.random.default_rng(0).choice(len(latents), network.preset.codebook.size, replace=False)]
    return network.with_encoder({"quantizer/codebook": codebook})


@pytest.fixture(scope="session")
def lesson(teacher: Network, tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    prepared = split(open_corpus(tones), teacher.preset.front_end, tmp_path_factory.mktemp("work"), seed=0)
    return Lesson(teacher, *prepared, seed=0)
