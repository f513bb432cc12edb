"""Results of audits that never took place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EMOTIONS = ["angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised"]
SOURCES: Mapping[str, Sequence[str]] = {"librispeech": ("identity", "gender"), "ravdess": ("gender", "emotion")}
FEATURES = [("acoustic", "logistic regression"), ("acoustic", "SVM")]
VERIFIERS = [("ge2e", "cosine", "same-gender"), ("ge2e", "LDA", "mixed")]
SCENARIOS = ("raw", "ignorant", "lazy-informed", "semi-informed")
UNITS = {"identity": "EER", "gender": "balanced accuracy", "emotion": "UAR"}
TOO_WEAK = "not measured (attackers too weak)"

Row = dict[str, Any]


def empty() -> Row:
    """The result of an audit in which nothing could be measured, for no reason."""
    lists = ("bits", "utility", "identity", "attributes", "verdicts", "cost", "not_measured", "systems")
    return {
        "version": "0.1.0",
        "command": "edgy audit pi --corpus CORPUS",
        "date": "2026-11-24",
        "seed": 0,
        "seconds": 3012.5,
        "machine": "x86_64, 2 CPUs",
        "versions": {"tensorflow": "2.21.0"},
        "corpus": {"sha256": "5ea1", "sources": {"librispeech": {"utterances": 60, "speakers": 6}}},
        "release": {"name": "pi", "codebook_id": "ccc6", "variant": "int8", "files": {"encoder-int8.tflite": "f11e"}},
        **{name: [] for name in lists},
    }


def result(
    systems: Sequence[str] = ("raw", "edgy"),
    sources: Mapping[str, Sequence[str]] = SOURCES,
    features: Sequence[tuple[str, str]] = FEATURES,
    verifiers: Sequence[tuple[str, str, str]] = VERIFIERS,
) -> Row:
    """A whole result, the same every time; the second ignorant attacker on gender is broken behind ``edgy``."""
    rng = np.random.default_rng(7)
    made = empty() | {"systems": list(systems)}
    rates = {"raw": 256000, "mcadams": 256000, "opus": 5426, "codec2": 700, "edgy": 551}
    for s, system in enumerate(systems):
        made["bits"].append({"system": system, "source": "librispeech", "bits_per_s": rates.get(system, 450.0)})
        wer = 0.119 + 0.125 * s
        for path in ("speech", "text") if system == "edgy" else ("speech",):
            about: Row = {"system": system, "path": path, "source": "librispeech", "recogniser": "whisper-base"}
            about |= {"utterances": 60, "speakers": 6, "wer": wer, "low": wer - 0.04, "high": wer + 0.07}
            made["utility"].append(about)
            wer -= 0.05
        for source, attributes in sources.items():
            for attribute in attributes:
                _attack(made, attribute, system, source, rng, features if attribute != "identity" else verifiers, s)
    made["cost"] = [_cost(threads) for threads in (1, 2)]
    reason = "no utterance is labelled with emotion; add labels"
    made["not_measured"].append({"what": "emotion", "system": "edgy", "source": "librispeech", "reason": reason})
    return made


def _attack(made: Row, attribute: str, system: str, source: str, rng: Any, attackers: Any, strength: int) -> None:
    identity = attribute == "identity"
    classes = EMOTIONS if attribute == "emotion" else ["F", "M"]
    chance = 0.125 if attribute == "emotion" else 0.5
    top = {"identity": 0.47, "gender": 0.48, "emotion": 0.5}[attribute]
    attacks = []
    scenarios = SCENARIOS[:1] if system == "raw" else SCENARIOS
    every = [(scenario, name) for name in attackers for scenario in scenarios]
    if system.startswith("edgy"):
        every.append(("code-level", ("codes", "cosine", "mixed") if identity else ("code statistics", "SVM")))
    for scenario, name in every:
        share = {"raw": 0.97, "ignorant": 0.1, "lazy-informed": 0.4, "semi-informed": 0.7, "code-level": 0.6}[scenario]
        gain = top * (share - (0 if scenario == "raw" else 0.04 * strength) + rng.normal(0, 0.02))
        broken = (attribute, system, scenario, name) == ("gender", "edgy", "ignorant", attackers[-1])
        value = chance - gain if identity else chance + gain
        value = 0.382 if broken else float(np.clip(value, 0.001, 0.999))
        score = {"value": value, "low": max(0.0, value - 0.05), "high": min(1.0, value + 0.06)}
        about: Row = {"scenario": scenario, "broken": broken}
        if identity:
            about |= {"verifier": name[0], "back_end": name[1], "trials": name[2], "targets": 42, "nontargets": 210}
            about |= {"eer": value, "low": score["low"], "high": score["high"], "counted": value}
            about |= {"min_dcf": 0.8, "cllr": 0.9, "min_cllr": 0.7, "d_sys": None}
        else:
            flipped = {"value": 1 - value, "low": 1 - score["high"], "high": 1 - score["low"]}
            about |= {"features": name[0], "classifier": name[1], "score": score}
            about["counted"] = flipped if broken else score
        attacks.append(about)

    def row(attack: Row) -> Row:
        score = {k: attack["eer" if k == "value" else k] for k in ("value", "low", "high")} if identity else None
        names = ("verifier", "back_end") if identity else ("features", "classifier")
        score = score or attack["counted"]
        return {"scenario": attack["scenario"], "attacker": ", ".join(attack[name] for name in names), **score}

    def strength_of(attack: Row) -> float:
        return -attack["eer"] if identity else attack["counted"]["value"]

    judged = [a for a in attacks if a.get("trials") != "same-gender"]
    raw = max((a for a in judged if a["scenario"] == "raw"), key=strength_of)
    best = raw if system == "raw" else max((a for a in judged if a["scenario"] != "raw"), key=strength_of)
    outcome = "not protected" if abs(row(best)["value"] - chance) > 0.2 else "protected"
    outcome = TOO_WEAK if attribute == "emotion" and system == "opus" else outcome
    where = {"system": system, "source": source, "outcome": outcome}
    verdict = where | {"attribute": attribute, "best": row(best), "raw": row(raw), "chance": chance}
    made["verdicts"].append(verdict | {"unit": UNITS[attribute]})
    if identity:
        made["identity"].append(where | {"bar": 0.05, "threshold": 0.4, "attacks": attacks})
    else:
        about = {"attribute": attribute, "classes": classes, "utterances": 240, "speakers": 24, "chance": chance}
        made["attributes"].append(where | about | {"bar": 0.95, "margin": 0.05, "attacks": attacks})


def _cost(threads: int) -> Row:
    stages = []
    for stage, wall in (("init", 0.0021), ("front_end", 0.061), ("encode", 0.0234 / threads**0.5)):
        times = {
            "first_wall_s": 3 * wall,
            "wall_s": wall,
            "wall_p95_s": 1.3 * wall,
            "cpu_s": wall,
            "cpu_p95_s": 1.2 * wall,
        }
        stages.append({"stage": stage, **times, "peak_rss_bytes": 74_000_000, "python_peak_bytes": 1_500_000})
    about = {
        "release": "pi",
        "variant": "int8",
        "num_threads": threads,
        "warmup_runs": 1,
        "num_runs": 20,
        "audio_s": 10,
    }
    about |= {"model_bytes": 1_200_000, "gzip_bytes": 900_000, "macs_per_s": 51.2e6, "bits_per_s": 450.0}
    return about | {"stages": stages}
