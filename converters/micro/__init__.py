"""An encoder for microcontrollers: checked, measured, and as a library in C for TensorFlow Lite Micro.

- ``graph`` cuts the streaming graph down to int8; ``search`` turns what followed in float into integers.
- ``arena`` measures the memory of its tensors with TFLM's own interpreter.
- ``report`` says what operators and memory an encoder asks for, or what is wrong with it.
- ``library`` writes the folder: ``files`` is what is the same for every encoder.
"""

from converters.micro.arena import arena_bytes
from converters.micro.graph import MicroGraph, micro_graph
from converters.micro.library import write
from converters.micro.report import MicroReport, plan
from converters.micro.search import Search, integer_search

__all__ = ["MicroGraph", "MicroReport", "Search", "arena_bytes", "integer_search", "micro_graph", "plan", "write"]
