"""What an audit measures, as a small config file: ``evaluation/plans/*.toml`` holds those that ship."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from edgy_tf.config import build, names_in, read_named
from edgy_tf.errors import PresetError
from evaluation.attackers import CLASSIFIERS, NETWORK
from evaluation.attributes import FEATURES
from evaluation.systems import SYSTEMS
from evaluation.verifiers import NAMES as VERIFIERS


@dataclass(frozen=True)
class UtilityPlan:
    """Which words survive.

    Attributes:
        systems: names out of `evaluation.systems.open_systems`.
        utterances: of each source, spread over its speakers.
    """

    systems: tuple[str, ...]
    utterances: int


@dataclass(frozen=True)
class IdentityPlan:
    """Who can be recognised.

    Attributes:
        systems: as above.
        verifiers: names out of `evaluation.verifiers.open_verifiers`.
        per_speaker: at most this many utterances of each tested speaker.
        training_speakers: of each source's train split, whom retrained attackers learn from.
        training_utterances: of each of them.
    """

    systems: tuple[str, ...]
    verifiers: tuple[str, ...]
    per_speaker: int
    training_speakers: int
    training_utterances: int


@dataclass(frozen=True)
class AttributePlan:
    """What can be told of a speaker: gender and emotion.

    Attributes:
        systems: as above.
        features: names out of `evaluation.attributes.FEATURES`.
        classifiers: names out of `evaluation.attackers.CLASSIFIERS`, and `NETWORK`.
        per_speaker: at most this many utterances of each tested speaker.
        training_speakers: of each source's train split, whom attackers learn from besides the other tested speakers.
        training_utterances: of each of them.
    """

    systems: tuple[str, ...]
    features: tuple[str, ...]
    classifiers: tuple[str, ...]
    per_speaker: int
    training_speakers: int
    training_utterances: int


@dataclass(frozen=True)
class CostPlan:
    """What the encoder costs: seconds of audio in a run, and runs of each stage."""

    seconds: int
    runs: int


@dataclass(frozen=True)
class Plan:
    """An audit. All that is random follows from ``seed``."""

    about: str
    seed: int
    utility: UtilityPlan
    identity: IdentityPlan
    attributes: AttributePlan
    cost: CostPlan


def plan_names() -> list[str]:
    """Names of the plans that ship."""
    return names_in(_folder())


def load_plan(name: str) -> Plan:
    """Read a plan by its name, or from a ``.toml`` file.

    Raises:
        PresetError: no such plan, not TOML, or a key that is missing, unknown, of the wrong type, or names nothing.
    """
    table, origin = read_named(name, _folder(), "audit plan")
    plan: Plan = build(Plan, table, origin)
    counts = {
        "utility.utterances": plan.utility.utterances,
        "identity.per_speaker": plan.identity.per_speaker,
        "identity.training_speakers": plan.identity.training_speakers,
        "identity.training_utterances": plan.identity.training_utterances,
        "attributes.per_speaker": plan.attributes.per_speaker,
        "attributes.training_speakers": plan.attributes.training_speakers,
        "attributes.training_utterances": plan.attributes.training_utterances,
        "cost.seconds": plan.cost.seconds,
        "cost.runs": plan.cost.runs,
    }
    for key, count in counts.items():
        if count <= 0:
            raise PresetError(f"{origin}: {key} must be positive")
    choices: list[tuple[str, tuple[str, ...], Iterable[str]]] = [
        ("utility.systems", plan.utility.systems, SYSTEMS),
        ("identity.systems", plan.identity.systems, SYSTEMS),
        ("identity.verifiers", plan.identity.verifiers, VERIFIERS),
        ("attributes.systems", plan.attributes.systems, SYSTEMS),
        ("attributes.features", plan.attributes.features, FEATURES),
        ("attributes.classifiers", plan.attributes.classifiers, (*CLASSIFIERS, NETWORK)),
    ]
    for key, chosen, known in choices:
        if unknown := [one for one in chosen if one not in known]:
            raise PresetError(f"{origin}: {key} knows no '{unknown[0]}'; choose from {', '.join(known)}")
    return plan


def _folder() -> Any:
    return resources.files("evaluation") / "plans"
