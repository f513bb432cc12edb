"""The audit in a few lines, for the terminal."""

from __future__ import annotations

from evaluation.report.lookup import (
    ATTRIBUTES,
    NOT_MEASURED,
    NOT_PROTECTED,
    PROTECTED,
    Result,
    columns,
    gain,
    least_wer,
    per_cent,
    systems_of,
    unique,
    word,
)

_HEAD = ("system", "bits/s", "WER %", "identity, EER %", "gender, accuracy %", "emotion, UAR %")


def summary(result: Result) -> str:
    """One line for each system: bits, words, and the best attacker on each attribute with the verdict.

    Of several sources, the line shows the one on which an attacker learns most, and the worst verdict of all.

    Args:
        result: contents of ``audit.json``.
    """
    systems = systems_of(result)
    if not systems:
        return "nothing was measured"
    sources = unique(row["source"] for row in result["utility"])
    rows: list[tuple[str, ...]] = [_HEAD]
    for system in systems:
        rates = [row["bits_per_s"] for row in result["bits"] if row["system"] == system]
        heard = least_wer(result, system, sources[0]) if sources else None
        rows.append(
            (
                system,
                f"{max(rates):,.0f}" if rates else NOT_MEASURED,
                per_cent(heard["wer"]) if heard else NOT_MEASURED,
                *(_worst(result, attribute, system) for attribute in ATTRIBUTES),
            )
        )
    words = f"WER: {sources[0]}, the better of speech and text. " if sources else ""
    note = f"{words}Attackers: the best on any source; a low EER and a high accuracy are leaks."
    missing = len(result["not_measured"])
    return "\n".join([columns(rows), note, *([f"{missing} not measured, see the report"] if missing else [])])


def _worst(result: Result, attribute: str, system: str) -> str:
    verdicts = [v for v in result["verdicts"] if (v["attribute"], v["system"]) == (attribute, system)]
    if not verdicts:
        return NOT_MEASURED
    outcomes = {word(v["outcome"]) for v in verdicts}
    outcome = next((o for o in (NOT_PROTECTED, NOT_MEASURED, PROTECTED) if o in outcomes), verdicts[0]["outcome"])
    values = [(gain(attribute, v["chance"], v["best"]["value"]), v["best"]["value"]) for v in verdicts if v["best"]]
    return f"{per_cent(max(values)[1])} {outcome}" if values else outcome
