"""The weights of a trained network with the preset that gives them their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgy_tf.codebook import codebook_id
from edgy_tf.errors import ModelError
from edgy_tf.preset import Preset, preset_from_dict
from edgy_tf.weights import Arrays, assign_variables, load_arrays, save_arrays

_VOICE = "voices/"

_HALVED = ("conditioning/", "mel_head/", "text_head/")
"""Parts whose kernels a file keeps in float16, half of the bytes: no code depends on them. They compute in float32."""

NOBODY = "nobody"
"""Array of a release's network: the voice of nobody, in which the text head was trained."""


@dataclass(frozen=True)
class Network:
    """Encoder, codebook and decoder of a checkpoint or a release.

    Attributes:
        preset: the architecture.
        arrays: every variable by the path that Keras gives it.
        voices: speaker embeddings ``[dim]`` by name; empty in a checkpoint.
    """

    preset: Preset
    arrays: Arrays
    voices: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def codebook(self) -> npt.NDArray[np.float32]:
        """The codebook's vectors ``[K, D]``."""
        return self.arrays["quantizer/codebook"]

    @property
    def codebook_id(self) -> str:
        """The codebook's identity."""
        return codebook_id(self.codebook, self.preset)

    def save(self, path: Path) -> None:
        """Write one safetensors file atomically."""
        halves = {n: a.astype(np.float16) for n, a in self.arrays.items() if n.startswith(_HALVED) and a.ndim > 1}
        arrays = self.arrays | halves | {_VOICE + name: value for name, value in self.voices.items()}
        save_arrays(path, arrays, {"preset": asdict(self.preset), "voices": list(self.voices)})

    @classmethod
    def load(cls, path: Path) -> Network:
        """Read what ``save`` wrote.

        Raises:
            ModelError: missing, damaged, or not a network.
        """
        arrays, about = load_arrays(path)
        try:
            preset = preset_from_dict(about["preset"], str(path))
            voices = {name: arrays.pop(_VOICE + name) for name in about["voices"]}
        except (KeyError, TypeError) as error:
            raise ModelError(f"{path} holds weights, but not a network of a release") from error
        return cls(preset, {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in arrays.items()}, voices)

    def encoder(self, frames: int | None = None, api: Any = None) -> Any:
        """The encoder in Keras (or ``tf_keras``), for any or a fixed number of mel frames."""
        from edgy_tf.models.encoder import build_encoder

        encoder = build_encoder(self.preset, frames, api)
        assign_variables(encoder, self.arrays)
        return encoder

    def with_encoder(self, arrays: Mapping[str, np.ndarray]) -> Network:
        """The same network with other values in the variables of its encoder."""
        return replace(self, arrays=self.arrays | dict(arrays))
