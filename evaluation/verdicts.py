"""One row for each attribute, source and system: the verdict, and the best attacker's figure that it rests on."""

from __future__ import annotations

from typing import Any

from evaluation.identity import IdentityMeasurement, VerificationAttack
from evaluation.verdict import Attack, Measurement, Score

UNITS = {"gender": "balanced accuracy", "emotion": "UAR", "identity": "EER"}


def attribute_verdict(system: str, source: str, found: Measurement) -> dict[str, Any]:
    """The row of gender or emotion, as ``audit.json`` holds it. Of raw speech, the best attacker is the raw one."""
    best, raw = found.best, found.raw
    plain = system == "raw"
    if plain:
        best = raw
    return {
        "attribute": found.attribute,
        "system": system,
        "source": source,
        "outcome": _raw_outcome(found) if plain else found.outcome,
        "best": _row(best, best.counted if best else None),
        "raw": _row(raw, raw.score if raw else None),
        "chance": found.chance,
        "unit": UNITS[found.attribute],
    }


def identity_verdict(system: str, source: str, found: IdentityMeasurement) -> dict[str, Any]:
    """The row of identity: the lowest EER of any attacker, on mixed trials; chance is 50 %."""
    return {
        "attribute": "identity",
        "system": system,
        "source": source,
        "outcome": found.outcome,
        "best": _verification_row(found.best),
        "raw": _verification_row(found.raw),
        "chance": 0.5,
        "unit": UNITS["identity"],
    }


def _verification_row(attack: VerificationAttack) -> dict[str, Any]:
    low, high = (1 - attack.high, 1 - attack.low) if attack.broken else (attack.low, attack.high)
    return {
        "scenario": attack.scenario,
        "attacker": f"{attack.verifier}, {attack.back_end}",
        "value": attack.counted,
        "low": low,
        "high": high,
    }


def _raw_outcome(found: Measurement) -> str:
    leaks = found.raw is not None and found.raw.score.low > found.chance + found.margin
    return "not protected" if leaks else "not measured (attackers too weak)"


def _row(attack: Attack | None, score: Score | None) -> dict[str, Any] | None:
    if attack is None or score is None:
        return None
    return {
        "scenario": attack.scenario,
        "attacker": f"{attack.features}, {attack.classifier}",
        "value": score.value,
        "low": score.low,
        "high": score.high,
    }
