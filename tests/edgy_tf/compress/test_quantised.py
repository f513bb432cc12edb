"""int8 that is trained as such starts where int8 without training is."""

from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.quantised import train_quantised
from edgy_tf.compress.recipe import Quantise
from edgy_tf.network import Network


def test_training_starts_with_the_ranges_of_speech(teacher: Network, lesson: Lesson) -> None:
    # One step that moves nothing sets the ranges of weights.
    still = Quantise(kind="qat", steps=1, learning_rate=1e-9, batch=8)
    for activations in ("asymmetric", "symmetric"):
        stage = Quantise(**(vars(still) | {"activations": activations}))
        assert lesson.judge(train_quantised(teacher, stage, lesson, False, False)) > 0.85


def test_latents_are_left_in_float(teacher: Network, lesson: Lesson) -> None:
    student = train_quantised(teacher, Quantise(kind="qat", steps=1, batch=8), lesson, False, False)
    names = [layer.name for layer in student.layers]
    assert "latent" in names
    assert "quant_conv1" in names
