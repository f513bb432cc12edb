"""The networks in Keras 3; the encoder also builds under ``tf_keras`` for TF-MOT. Trains on any Keras backend."""
