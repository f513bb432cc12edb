"""The front end: 80-bin log-mel frames, the same in NumPy (streaming) and inside a ``.tflite`` file."""

from edgy_tf.frontend.logmel import LogMel, encoder_input, log_mel, mel_filters

__all__ = ["LogMel", "encoder_input", "log_mel", "mel_filters"]
