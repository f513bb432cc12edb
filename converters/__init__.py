"""Keras checkpoints to ``.tflite`` encoders and releases, verified as they are written."""
