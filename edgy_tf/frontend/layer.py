"""The front end as a TensorFlow layer whose operators are all TFLite built-ins (RFFT2D among them)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgy_tf.frontend.logmel import hann
from edgy_tf.frontend.spectra import features
from edgy_tf.preset import FrontEnd


class LogMelLayer(keras.layers.Layer):
    """``[B, 1 + (T - 1) * hop + window]`` samples to ``[B, T, mels]`` features, equal to ``LogMel`` to 1e-3.

    The first sample is the one before the first frame: pre-emphasis needs it. Float32 only: an int8 front end
    is off by several nats.
    """

    def __init__(self, front_end: FrontEnd, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.front_end = front_end
        self._window = hann(front_end).astype(np.float32)

    def call(self, samples: tf.Tensor) -> tf.Tensor:
        """Compute the features of one window of samples."""
        fe = self.front_end
        # Framing and transform in TensorFlow, whose operators TFLite has built in.
        emphasised = samples[:, 1:] - fe.preemphasis * samples[:, :-1]
        frames = tf.signal.frame(emphasised, fe.window, fe.hop) * self._window
        return features(tf.abs(tf.signal.rfft(frames, [fe.n_fft])), fe)
