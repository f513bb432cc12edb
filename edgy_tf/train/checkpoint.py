"""Checkpoints: everything a run needs to go on as if it had never stopped, and everything an export needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.preset import Preset, preset_from_dict
from edgy_tf.weights import Arrays, load_arrays, save_arrays, variables_of

FILE = "checkpoint.safetensors"

JUDGES = ("teacher/", "spelling_")
"""Parts of the training that never train."""


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
        earlier: what the weights learned by before this run, oldest first: presets, their phases as far as they came.
    """

    preset: Preset
    speakers: list[tuple[str, str]]
    phase: int
    step: int
    seed: int
    model: Arrays
    optimizer: Arrays
    earlier: tuple[Preset, ...] = ()

    @property
    def lineage(self) -> tuple[Preset, ...]:
        """All that its weights have learned by, this run as far as it came."""
        train = self.preset.train
        begun = (*train.phases[: self.phase], replace(train.phases[self.phase], steps=self.step))
        phases = tuple(phase for phase in begun if phase.steps)
        return (*self.earlier, replace(self.preset, train=replace(train, phases=phases)))

    @property
    def network(self) -> Network:
        """What is left of a run when training is over."""
        return Network(self.preset, self.model)

    @property
    def speaks(self) -> bool:
        """Whether its WaveRNN has learned at all."""
        begun = self.preset.train.phases[: self.phase + bool(self.step)]
        return any(phase.target == "wave" for phase in begun)

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
            "earlier": [asdict(preset) for preset in self.earlier],
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
                earlier=tuple(preset_from_dict(p, str(path)) for p in about.get("earlier", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} holds weights, but is not a training checkpoint") from error


def snapshot(
    model: Any, speakers: list[tuple[str, str]], phase: int, step: int, seed: int, earlier: tuple[Preset, ...]
) -> Checkpoint:
    """The state of a running training as a checkpoint."""
    arrays = {name: value for name, value in variables_of(model).items() if not name.startswith(JUDGES)}
    return Checkpoint(model.preset, speakers, phase, step, seed, arrays, variables_of(model.optimizer), earlier)
