"""Several audits as one table: what each release, or each experiment, keeps of the words and gives away of the person.

python -m evaluation.report.compare out/audit-*/audit.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from evaluation.report.lookup import Case, Result, cases, per_cent
from evaluation.report.markdown import table

HEAD = (
    "release",
    "bits/s",
    "text, WER above raw",
    "speech, WER above raw",
    "identity, EER, semi-informed",
    "identity, EER, code-level",
    "gender, best attacker",
    "emotion, best attacker",
    "emotion, raw",
)


def row(result: Result) -> list[str]:
    """The row of one audit: points above raw speech on the first source with words, the worst source of each attack.

    Args:
        result: contents of ``audit.json``.
    """
    own = [case for case in cases(result) if case.system.startswith("edgy")]
    rates = [r["bits_per_s"] for r in result["bits"] if r["system"].startswith("edgy")]
    return [
        result["release"]["name"],
        f"{max(rates):,.0f}" if rates else per_cent(None),
        *(per_cent(_above_raw(result, path)) for path in ("text", "speech")),
        *(per_cent(_worst(own, "identity", [scenario])) for scenario in ("semi-informed", "code-level")),
        *(per_cent(_worst(own, attribute)) for attribute in ("gender", "emotion")),
        per_cent(_worst(own, "emotion", ["raw"])),
    ]


def _above_raw(result: Result, path: str) -> float | None:
    """Least WER of the release by a path, on the first source that has words, less that of raw speech."""
    rows = [r for r in result["utility"] if r["source"] == result["utility"][0]["source"]]
    raw = [r["wer"] for r in rows if r["system"] == "raw"]
    own = [r["wer"] for r in rows if r["system"].startswith("edgy") and r["path"] == path]
    return min(own) - min(raw) if own and raw else None


def _worst(own: Iterable[Case], attribute: str, scenarios: Iterable[str] = ()) -> float | None:
    """The best attacker's figure where it gains most: of these scenarios, or else of all that the verdict heeds."""
    found = []
    for case in own:
        if case.attribute == attribute:
            attacks = [case.strongest(scenario) for scenario in scenarios] or [case.best]
            found += [(case.gain(attack.value), attack.value) for attack in attacks if attack]
    return max(found)[1] if found else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description="Several audits as one table in Markdown, all figures but bits/s in %."
    )
    parser.add_argument("audits", nargs="+", type=Path, metavar="AUDIT.JSON", help="what edgy audit wrote")
    args = parser.parse_args()
    try:
        rows = [row(json.loads(path.read_text("utf-8"))) for path in args.audits]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"not an audit: {error}")
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
