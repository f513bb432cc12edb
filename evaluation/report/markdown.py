"""The audit's main figures as Markdown, for a repository to show without a browser."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.report.lookup import (
    NOT_MEASURED,
    SCENARIOS,
    Case,
    Result,
    cases,
    interval,
    path_label,
    per_cent,
    systems_of,
    unique,
)
from evaluation.report.summary import summary


def figures(result: Result) -> str:
    """Words of every system, the best attacker of every kind on every system, and the summary of the terminal.

    Args:
        result: contents of ``audit.json``.
    """
    release = result["release"]
    parts = [
        f"# Figures of the audit of `{release['name']}`, {release['variant']}",
        f"Written by `{result['command']}` on {result['date']} in {result['seconds'] / 60:.0f} minutes, of which the"
        f" cache may have saved some; {result['machine']}. All of them, with versions and seeds: `audit.json`.",
        "## Words\nWER in % and its 95 % interval.",
        _words(result),
    ]
    found = cases(result)
    for system in systems_of(result):
        if own := [case for case in found if case.system == system and system != "raw"]:
            parts += [
                f"## Attackers on {system}\nThe best of each kind in %: EER of mixed trials for identity, balanced"
                " accuracy for gender and emotion.",
                _attackers(own),
            ]
    parts += ["## In short", f"```\n{summary(result)}\n```"]
    return "\n\n".join(parts) + "\n"


def _words(result: Result) -> str:
    sources = unique(row["source"] for row in result["utility"])
    rows = []
    for label, system in unique((path_label(row), row["system"]) for row in result["utility"]):
        rates = sorted(row["bits_per_s"] for row in result["bits"] if row["system"] == system)
        cells = [label, " to ".join(unique(f"{rate:,.0f}" for rate in rates[:1] + rates[-1:])) or NOT_MEASURED]
        for source in sources:
            one = [r for r in result["utility"] if (path_label(r), r["source"]) == (label, source)]
            cells.append(interval(one[0] | {"value": one[0]["wer"]}, "") if one else NOT_MEASURED)
        rows.append(cells)
    return table(["system", "bits/s", *sources], rows)


def _attackers(own: Sequence[Case]) -> str:
    rows = []
    for case in own:
        best = [case.strongest(scenario) for scenario in SCENARIOS]
        rows.append(
            [
                f"{case.attribute}, {case.source}",
                *(per_cent(attack.value if attack else None) for attack in best),
                per_cent(case.chance),
                case.outcome,
            ]
        )
    return table(["", *SCENARIOS, "chance", "verdict"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
