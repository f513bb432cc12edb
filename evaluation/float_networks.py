"""Encoders of a preset in float32, in Keras and in PyTorch: what a converted encoder's speed is compared with.

Their weights are random: the time does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.preset import Preset


def network(framework: str, preset: Preset, threads: int, mel: npt.NDArray[np.float32]) -> Callable[[], object]:
    """What takes ``mel [frames, mels]`` to codes, in ``keras`` (a graph of TensorFlow) or ``torch``."""
    return (_keras if framework == "keras" else _torch)(preset, threads, mel)


def _keras(preset: Preset, threads: int, mel: npt.NDArray[np.float32]) -> Callable[[], object]:
    import tensorflow as tf

    from edgy_tf.models.encoder import build_encoder

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    encoder, codebook = build_encoder(preset, len(mel)), tf.random.normal([preset.codebook.dim, preset.codebook.size])
    search = tf.function(lambda x: tf.argmax(encoder(x)[0] @ codebook - 0.5 * tf.reduce_sum(codebook**2, 0), -1))
    samples = tf.constant(mel[None])
    return lambda: search(samples).numpy()


def _torch(preset: Preset, threads: int, mel: npt.NDArray[np.float32]) -> Callable[[], object]:
    import torch

    torch.set_num_threads(threads)
    encoder, codebook = torch_encoder(preset).eval(), torch.randn(preset.codebook.dim, preset.codebook.size)
    samples = torch.from_numpy(mel.T.copy())[None]

    def run() -> Any:
        with torch.inference_mode():
            scores = encoder(samples)[0].T @ codebook - 0.5 * (codebook**2).sum(0)
            return scores.argmax(-1).numpy()

    return run


def torch_encoder(preset: Preset) -> Any:
    """The encoder of ``edgy_tf.models.encoder`` as a ``torch.nn.Module``: ``[B, mels, frames]`` to ``[B, dim, n]``."""
    from torch import nn

    class Residual(nn.Module):
        """A layer whose input, cropped to its output, is added to it."""

        def __init__(self, layer: nn.Module, before: int) -> None:
            super().__init__()
            self.layer, self.before = layer, before

        def forward(self, x: Any) -> Any:
            """``[B, units, frames]`` to fewer frames."""
            y = self.layer(x)
            return y + x[..., self.before : self.before + y.shape[-1]]

    config, width = preset.encoder, preset.front_end.mels
    layers: list[nn.Module] = []
    for conv, (before, _), added in zip(config.layers, preset.crops, preset.residuals, strict=True):
        size: dict[str, Any] = {"stride": conv.stride, "dilation": conv.dilation, "bias": False}
        if conv.depthwise:
            kernels = [nn.Conv1d(width, width, conv.kernel, groups=width, **size)]
            kernels.append(nn.Conv1d(width, config.units, 1, bias=False))
        else:
            kernels = [nn.Conv1d(width, config.units, conv.kernel, **size)]
        layer = nn.Sequential(*kernels, nn.BatchNorm1d(config.units, eps=1e-3), nn.ReLU())
        layers.append(Residual(layer, before) if added else layer)
        width = config.units
    layers.append(nn.Conv1d(width, preset.codebook.dim, 1))
    if config.normalise:
        layers.append(nn.BatchNorm1d(preset.codebook.dim, eps=1e-3, affine=False))
    return nn.Sequential(*layers)
