"""Checkpoints: everything a run needs to go on as if it had never stopped, and everything an export needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgy_tf.codebook import codebook_id
from edgy_tf.errors import ModelError
from edgy_tf.preset import Preset, preset_from_dict
from edgy_tf.weights import Arrays, assign_variables, load_arrays, save_arrays, variables_of

FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A training run at one moment.

    Attributes:
        preset: the architecture and its phases.
        speakers: name and gender (``F``, ``M`` or empty) of each row of the speaker table; the first is nobody.
        phase: index of the phase.
        step: optimiser steps done in it.
        seed: of the run.
        model: variables of the ``VQVAE``.
        optimizer: variables of the optimiser.
    """

    preset: Preset
    speakers: list[tuple[str, str]]
    phase: int
    step: int
    seed: int
    model: Arrays
    optimizer: Arrays

    @property
    def codebook(self) -> np.ndarray:
        """The codebook's vectors, float32 ``[K, D]``."""
        return next(v for name, v in self.model.items() if name.endswith("quantizer/codebook"))

    @property
    def codebook_id(self) -> str:
        """The codebook's identity."""
        return codebook_id(self.codebook, self.preset)

    def save(self, folder: Path) -> None:
        """Write ``checkpoint.safetensors`` into ``folder`` atomically."""
        arrays = {f"model/{n}": v for n, v in self.model.items()}
        arrays |= {f"optimizer/{n}": v for n, v in self.optimizer.items()}
        about = {
            "preset": asdict(self.preset),
            "speakers": self.speakers,
            "phase": self.phase,
            "step": self.step,
            "seed": self.seed,
        }
        save_arrays(folder / FILE, arrays, about)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a checkpoint file, or the one in a run's folder.

        Raises:
            ModelError: missing, damaged, or not a checkpoint.
        """
        arrays, about = load_arrays(path / FILE if path.is_dir() else path)
        try:
            return cls(
                preset=preset_from_dict(about["preset"], str(path)),
                speakers=[(name, gender) for name, gender in about["speakers"]],
                phase=about["phase"],
                step=about["step"],
                seed=about["seed"],
                model={n.removeprefix("model/"): v for n, v in arrays.items() if n.startswith("model/")},
                optimizer={n.removeprefix("optimizer/"): v for n, v in arrays.items() if n.startswith("optimizer/")},
            )
        except (KeyError, TypeError) as error:
            raise ModelError(f"{path} holds weights, but is not a training checkpoint") from error

    def build(self) -> Any:
        """The ``VQVAE`` with this checkpoint's weights, in float32."""
        from edgy_tf.models.vqvae import VQVAE

        model = VQVAE(self.preset, len(self.speakers), self.preset.train.phases[self.phase])
        assign_variables(model, self.model)
        return model


def snapshot(model: Any, speakers: list[tuple[str, str]], phase: int, step: int, seed: int) -> Checkpoint:
    """The state of a running training as a checkpoint."""
    return Checkpoint(
        model.preset, speakers, phase, step, seed, variables_of(model), variables_of(model.optimizer)
    )
