"""Networks with random weights: what conversion must keep does not depend on training."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgy_tf.network import Network
from edgy_tf.preset import Conv, EncoderConfig, Preset

KINDS: dict[str, dict[str, Any]] = {
    "residual": {},
    "aligned": {"aligned": True},
    "plain": {"residual": False, "normalise": False},
    "depthwise": {
        "aligned": True,
        "layers": (Conv(3), Conv(4, stride=2, depthwise=True), Conv(5, dilation=2, depthwise=True), Conv(1)),
    },
    # A residual connection to what another one gave.
    "deep": {"aligned": True, "layers": (Conv(3), Conv(4, stride=2), Conv(3), Conv(3, dilation=2))},
    # Two strides, a context that they do not divide, and a convolution that sees no more than what is new.
    "uneven": {"layers": (Conv(3, stride=2), Conv(3), Conv(2, stride=2), Conv(2, dilation=3))},
}


@pytest.fixture(scope="session")
def network_of(tiny: Preset) -> Callable[[str], Network]:
    """A network of one of ``KINDS`` whose latents spread over its codebook."""

    def build(kind: str) -> Network:
        from edgy_tf.models.encoder import build_encoder
        from edgy_tf.weights import variables_of

        config = EncoderConfig(**(vars(tiny.encoder) | KINDS[kind]))
        preset = replace(tiny, encoder=config)
        rng = np.random.default_rng(0)
        arrays = {
            name: rng.normal(0, 1.5 / np.sqrt(np.prod(value.shape[:-1])), value.shape) if value.ndim == 4 else value
            for name, value in variables_of(build_encoder(preset)).items()
        }
        for name, value in arrays.items():
            if name.endswith(("beta", "bias")):
                arrays[name] = rng.normal(0, 0.3, value.shape)
        arrays["quantizer/codebook"] = np.zeros((preset.codebook.size, preset.codebook.dim))
        arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
        mel = speech_like(rng, 400, preset)
        latents = np.asarray(Network(preset, arrays).encoder()(mel[None]))[0]
        arrays["quantizer/codebook"] = latents[rng.choice(len(latents), preset.codebook.size, replace=False)]
        return Network(preset, arrays)

    return build


def speech_like(rng: np.random.Generator, frames: int, preset: Preset) -> np.ndarray:
    """Log-mel ``[frames, mels]`` that moves as slowly as speech does."""
    noise = rng.normal(size=(frames + 8, preset.front_end.mels))
    smooth = np.cumsum(noise, 0)[8:] - np.cumsum(noise, 0)[:-8]
    return np.maximum(0.5 + 0.1 * smooth, 0).astype(np.float32)
