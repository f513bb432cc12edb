import numpy as np
import pytest
import tensorflow as tf

from edgy_tf.models.spelling import Spelling
from edgy_tf.weights import Arrays
from edgy_tf.whisper_base import END, PROMPT, ZERO

MEL = np.random.default_rng(0).standard_normal((1, 20, 80)).astype(np.float32)
TEXT = np.array([[*PROMPT, ZERO, 7, END]])


@pytest.fixture(scope="module")
def whisper(whisper_arrays: Arrays, whisper_decoder_arrays: Arrays) -> Arrays:
    both = {f"encoder/{n}": v for n, v in whisper_arrays.items()}
    return both | {f"decoder/{n}": v for n, v in whisper_decoder_arrays.items()}


def test_the_loss_is_of_the_words_alone(whisper: Arrays) -> None:
    model = Spelling(whisper, 2)
    long = np.array([[*TEXT[0], *[END] * 6]])
    # What fills a row up counts for nothing, and neither does the prompt.
    np.testing.assert_allclose(model({"mel": MEL, "tokens": TEXT}), model({"mel": MEL, "tokens": long}), rtol=1e-5)
    other = long.copy()
    other[0, 4] = 9
    assert abs(float(model({"mel": MEL, "tokens": other})) - float(model({"mel": MEL, "tokens": long}))) > 1e-3


def test_without_adapters_nothing_trains_but_features_have_a_gradient(whisper: Arrays) -> None:
    model, mel = Spelling(whisper), tf.constant(MEL)
    assert not model.trainable_variables
    with tf.GradientTape() as tape:
        tape.watch(mel)
        loss = model({"mel": mel, "tokens": TEXT})
    assert float(tf.reduce_max(tf.abs(tape.gradient(loss, mel)))) > 0
