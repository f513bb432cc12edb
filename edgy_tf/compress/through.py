"""End to end: what the decoder would say of a student's codes, as a loss (paper section 4.2.2).

Codebook and decoder are the release's and stay frozen. The gradient goes straight through the choice of a code, as in
training (van den Oord et al. 2017), from the mel that the decoder gives back to the encoder.
"""

from __future__ import annotations

import tensorflow as tf

from edgy_tf.compress.teaching import Distance, nearest
from edgy_tf.errors import ModelError
from edgy_tf.network import NOBODY, Network
from edgy_tf.weights import assign_variables


def through_decoder(teacher: Network) -> Distance:
    """The loss between mel ``[B, N, stride * mels]`` and latents ``[B, N, dim]``, as ``[B, N]``.

    It is the mean absolute difference of the mel and of what the decoder's mel head makes of the latents' codes, in
    nobody's voice.

    Args:
        teacher: has codebook, conditioning and mel head.

    Raises:
        ModelError: the network has no mel head, or no voice of nobody.
    """
    from edgy_tf.models.wavernn import build_conditioning

    arrays, preset = teacher.arrays, teacher.preset
    if missing := [name for name in ("mel_head/kernel", NOBODY) if name not in arrays]:
        raise ModelError(f"{preset.name} has no {missing[0]} to learn through; leave 'decoder' out of the recipe")
    conditioning = build_conditioning(preset)
    assign_variables(conditioning, arrays, "release")
    codebook, nobody = tf.constant(teacher.codebook), tf.constant(arrays[NOBODY])
    kernel, bias = tf.constant(arrays["mel_head/kernel"]), tf.constant(arrays["mel_head/bias"])

    def loss(mel: tf.Tensor, latents: tf.Tensor) -> tf.Tensor:
        vectors = latents + tf.stop_gradient(tf.gather(codebook, nearest(latents, teacher.codebook)) - latents)
        voice = tf.repeat(nobody[None], tf.shape(latents)[0], axis=0)
        given = tf.einsum("bfc,cm->bfm", conditioning(vectors, voice), kernel) + bias
        return tf.reduce_mean(tf.abs(tf.reshape(given, tf.shape(mel)) - mel), -1)

    return loss
