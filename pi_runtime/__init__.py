"""What runs on the device: PCM in, codes out. Needs NumPy and a TFLite interpreter, nothing else."""

from pi_runtime.encoder import EdgeEncoder
from pi_runtime.frames import FrameEncoder
from pi_runtime.model_file import ModelInfo, read_info

__all__ = ["EdgeEncoder", "FrameEncoder", "ModelInfo", "read_info"]
