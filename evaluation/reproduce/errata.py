"""What the paper and its published code get wrong, computed from what they say themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgy_tf.cost import cost_of
from edgy_tf.preset import load_preset

NETWORK = "reference"
"""The preset of the published code."""
INSTALLED_MB = 31
"""What the model "trained with mixed precision", FP16, needs for its installation (section 5.1)."""
SPEED_UP = 38
"""What filter pruning is said to gain: from 230 to 6 ms (section 5.1.2)."""
RATES = (0.2, 0.4, 0.6)


@dataclass(frozen=True)
class Levels:
    """A sparsity configuration of the published code, ``nncf_config_MS_*.json`` and ``nncf_config_RBS_*.json``.

    Attributes:
        target: ``sparsity_target``, which stands there as a text.
        steps: ``multistep_steps``, epochs.
        levels: ``multistep_sparsity_levels``; the schedule named in the file, ``multistep``, heeds these alone.
    """

    target: float
    steps: tuple[int, ...]
    levels: tuple[float, ...]


PUBLISHED = {
    "20": Levels(0.2, (10, 20), (0.1, 0.15)),
    "40": Levels(0.4, (10, 20), (0.1, 0.2)),
    "60": Levels(0.6, (10, 20), (0.1, 0.2)),
}
"""By the suffix of the file; those of MS and RBS are the same."""


def installed_mb(bytes_per_number: int) -> float:
    """Megabytes of encoder and codebook as they are trained, moving averages included."""
    cost = cost_of(load_preset(NETWORK))
    return (cost.encoder_parameters + cost.codebook_parameters) * bytes_per_number / 1e6


def greatest_speed_up(rate: float) -> float:
    """How many times fewer multiplications the encoder needs without a share ``rate`` of each layer's filters."""
    preset = load_preset(NETWORK)
    units = round(preset.encoder.units * (1 - rate))
    narrow = replace(preset, encoder=replace(preset.encoder, units=units))
    return cost_of(preset).encoder_macs / cost_of(narrow).encoder_macs


def errata() -> list[str]:
    """The errata in words, with the figures of the functions above."""
    gains = ", ".join(f"{greatest_speed_up(rate):.2f}" for rate in RATES)
    ends = "; ".join(f"{name} % ends at {100 * one.levels[-1]:.0f} %" for name, one in PUBLISHED.items())
    return [
        f"The model of {INSTALLED_MB} MB that is called FP16 is float32: the published network has "
        f"{installed_mb(4):.1f} MB in 4 bytes a number, and {installed_mb(2):.1f} MB in 2.",
        f"Filter pruning cannot make the encoder {SPEED_UP} times as fast: without 20, 40 and 60 % of the filters it "
        f"multiplies at most {gains} times less.",
        f"The published sparsity configurations do not reach their targets: by their levels, {ends}. NNCF 2.19 refuses "
        "them, because two steps need three levels and a target is a number.",
    ]
