"""Names of what an encoder can be converted to. Needs nothing, so that the command line can list them."""

VARIANTS = ("float32", "float16", "dynamic", "int8", "int16x8", "micro")
"""Weights and activations of the convolutions; front end and codebook search are float32 in all of them. float16 and
dynamic (int8 weights) have float32 activations, int8 and int16x8 integers of that size with int8 weights. int8 adds
residual connections up in float32, micro in int8, as kernels for microcontrollers want it."""
INT8_WEIGHTS = ("dynamic", "int8", "int16x8", "micro")
"""Those whose kernels are rounded to 8 bits when they are converted."""
RELEASED = ("float32", "int8")
"""Variants that a release has where nothing else is asked for."""
