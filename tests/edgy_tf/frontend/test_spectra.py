import keras
import numpy as np
import pytest
import tensorflow as tf

from edgy_tf.frontend import encoder_input
from edgy_tf.frontend.spectra import features, magnitudes
from edgy_tf.preset import Preset, load_preset
from tests.conftest import harmonic_voice

PI = load_preset("pi")


@pytest.mark.parametrize("loudness", [1.0, 0.01, 0.0])
def test_features_are_those_of_the_front_end(loudness: float) -> None:
    codes = 20
    rng = np.random.default_rng(0)
    audio = loudness * harmonic_voice(rng, 140, codes * PI.samples_per_code / 16000).astype(np.float32)
    count = PI.samples_for(codes)
    silence = count - PI.samples_before - len(audio)
    samples = np.pad(audio, (PI.samples_before, silence))
    given = np.asarray(features(magnitudes(samples[None], PI.front_end), PI.front_end))[0]
    np.testing.assert_allclose(given, encoder_input(audio, PI), atol=1e-3)


def test_silence_has_a_gradient(tiny: Preset) -> None:
    samples = tf.Variable(np.zeros((1, tiny.samples_for(2)), np.float32))
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(features(magnitudes(samples.value(), tiny.front_end), tiny.front_end))
    assert np.isfinite(np.asarray(tape.gradient(loss, samples))).all()
