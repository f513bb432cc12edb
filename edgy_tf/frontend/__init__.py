"""The front end: 80-bin log-mel frames, the same in NumPy (streaming) and inside a ``.tflite`` file."""

from edgy_tf.frontend.leveller import Leveller, as_heard
from edgy_tf.frontend.logmel import LogMel, encoder_input, log_mel, mel_filters

__all__ = ["Leveller", "LogMel", "as_heard", "encoder_input", "log_mel", "mel_filters"]
