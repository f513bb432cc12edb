"""EDGY for TensorFlow Lite: speech filtered on the device, words kept, person hidden.

Importing this package needs NumPy alone. TensorFlow, Keras and the rest are imported where they are used.
"""

__version__ = "0.1.0"
