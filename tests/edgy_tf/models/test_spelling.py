import numpy as np
import tensorflow as tf

from edgy_tf.models.spelling import Spelling
from edgy_tf.weights import Arrays
from edgy_tf.whisper_base import END, PROMPT, ZERO

MEL = np.random.default_rng(0).standard_normal((1, 20, 80)).astype(np.float32)
TEXT = np.array([[*PROMPT, ZERO, 7, END]])


def test_the_loss_is_of_the_words_alone(whole_whisper_arrays: Arrays) -> None:
    model = Spelling(whole_whisper_arrays, 2)
    long = np.array([[*TEXT[0], *[END] * 6]])
    # What fills a row up counts for nothing, and neither does the prompt.
    np.testing.assert_allclose(model({"mel": MEL, "tokens": TEXT}), model({"mel": MEL, "tokens": long}), rtol=1e-5)
    other = long.copy()
    other[0, 4] = 9
    assert abs(float(model({"mel": MEL, "tokens": other})) - float(model({"mel": MEL, "tokens": long}))) > 1e-3


def test_without_adapters_nothing_trains_but_features_have_a_gradient(whole_whisper_arrays: Arrays) -> None:
    model, mel = Spelling(whole_whisper_arrays), tf.constant(MEL)
    assert not model.trainable_variables
    with tf.GradientTape() as tape:
        tape.watch(mel)
        loss = model({"mel": mel, "tokens": TEXT})
    assert float(tf.reduce_max(tf.abs(tape.gradient(loss, mel)))) > 0
