"""Finds things in an audit's result, and puts its figures into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from evaluation.verdict import Scenario

Result = dict[str, Any]
Row = dict[str, Any]

ATTRIBUTES = ("identity", "gender", "emotion")
SCENARIOS: tuple[str, ...] = get_args(Scenario)
EDGY = "edgy"
"""The system that stands for the audited release: its codes, heard as speech."""

PROTECTED, NOT_PROTECTED, NOT_MEASURED = "protected", "not protected", "not measured"

MARK = "†"
"""Beside the figure of a broken attacker."""

_ANY = ("all", "-", "", None)
"""What stands for every system, or every source, where something was not measured."""


@dataclass(frozen=True)
class Attack:
    """One attacker's result, of whichever attribute: an EER or a balanced accuracy.

    ``judged`` tells whether the verdict heeds it: that on identity leaves trials within a gender out.
    """

    scenario: str
    attacker: str
    value: float
    low: float | None
    high: float | None
    broken: bool
    counted: float | None
    judged: bool = True


@dataclass(frozen=True)
class Case:
    """All attacks on one attribute, behind one system, in the speech of one source."""

    attribute: str
    system: str
    source: str
    chance: float
    outcome: str
    attacks: tuple[Attack, ...]

    def gain(self, value: float) -> float:
        """How much better than guessing a figure is, in the figure's own unit."""
        return gain(self.attribute, self.chance, value)

    @property
    def best(self) -> Attack | None:
        """The attack that the verdict rests on; None if none counts."""
        counting = [(self.gain(a.counted), a) for a in self._judged if a.scenario != "raw" and a.counted is not None]
        return max(counting, key=lambda pair: pair[0], default=(0, None))[1]

    def strongest(self, scenario: str) -> Attack | None:
        """The attack of a scenario with the best figure as it came out; None if there was none."""
        found = [a for a in self._judged if a.scenario == scenario]
        return max(found, key=lambda a: self.gain(a.value), default=None)

    @property
    def _judged(self) -> list[Attack]:
        return [a for a in self.attacks if a.judged]


def gain(attribute: str, chance: float, value: float) -> float:
    """How much better than guessing a figure is: of identity, the error rate is the lower, the better the attacker."""
    return chance - value if attribute == "identity" else value - chance


def cases(result: Result) -> list[Case]:
    """Identity, then attributes, each in the result's order."""
    found = []
    for row in result["identity"]:
        attacks = tuple(
            Attack(
                a["scenario"],
                f"{a['verifier']}, {a['back_end']} ({a['trials']})",
                a["eer"],
                a.get("low"),
                a.get("high"),
                a["broken"],
                a["counted"],
                a["trials"] == "mixed",
            )
            for a in row["attacks"]
        )
        found.append(Case("identity", row["system"], row["source"], 0.5, row["outcome"], attacks))
    for row in result["attributes"]:
        attacks = tuple(
            Attack(
                a["scenario"],
                f"{a['features']}, {a['classifier']}",
                **a["score"],
                broken=a["broken"],
                counted=a["counted"]["value"] if a["counted"] else None,
            )
            for a in row["attacks"]
        )
        found.append(Case(row["attribute"], row["system"], row["source"], row["chance"], row["outcome"], attacks))
    return found


def case_of(result: Result, attribute: str, system: str, source: str) -> Case | None:
    """The attacks on an attribute, if any were made."""
    wanted = (attribute, system, source)
    return next((c for c in cases(result) if (c.attribute, c.system, c.source) == wanted), None)


def verdict_of(result: Result, attribute: str, system: str, source: str) -> Row | None:
    """The verdict on an attribute, if there is one."""
    wanted = (attribute, system, source)
    return next((v for v in result["verdicts"] if (v["attribute"], v["system"], v["source"]) == wanted), None)


def systems_of(result: Result) -> list[str]:
    """Every system that has a figure, in the result's order."""
    rows = [*result["bits"], *result["utility"], *result["identity"], *result["attributes"], *result["verdicts"]]
    return unique([*result["systems"], *(row["system"] for row in rows)])


def reason(result: Result, what: str, system: str, source: str) -> str | None:
    """Why something was not measured, if the result says so."""
    for row in result["not_measured"]:
        named = row["what"] == what or (row["what"] == "attributes" and what in ("gender", "emotion"))
        if named and row.get("system") in (system, *_ANY) and row.get("source") in (source, *_ANY):
            return str(row["reason"])
    return None


def pairs(result: Result) -> list[tuple[str, str]]:
    """Attributes and sources of which there is a verdict, or the reason why there is none; attributes in order."""
    rows = [(v["attribute"], v["source"]) for v in result["verdicts"]]
    rows += [(row["what"], row["source"]) for row in result["not_measured"] if row.get("source") not in _ANY]
    return [(a, source) for a in ATTRIBUTES for source in unique(s for attribute, s in rows if attribute == a)]


def least_wer(result: Result, system: str, source: str) -> Row | None:
    """Of a system's word error rates, by whichever path and recogniser, the lowest."""
    rows = [row for row in result["utility"] if (row["system"], row["source"]) == (system, source)]
    return min(rows, key=lambda row: row["wer"], default=None)


def path_label(row: Row) -> str:
    """A system and, where its name does not say it already, that its codes became text without any sound."""
    system: str = row["system"]
    return system if row["path"] == "speech" or system.endswith(row["path"]) else f"{system}, {row['path']}"


def word(outcome: str) -> str:
    """An outcome without its reason."""
    return outcome.partition(" (")[0]


def unique(items: Iterable[Any]) -> list[Any]:
    """Each item once, in the order of first appearance."""
    return list(dict.fromkeys(items))


def per_cent(value: float | None) -> str:
    """A fraction as a number of per cent, without the sign."""
    return "–" if value is None else f"{100 * value:.1f}"


def interval(row: Row, sign: str = " %") -> str:
    """``12.3 % (8.0 to 17.1)`` of a row's ``value``, ``low`` and ``high``, the last two only if they are known."""
    text = per_cent(row["value"]) + sign
    if row.get("low") is None or row.get("high") is None:
        return text
    return f"{text} ({per_cent(row['low'])} to {per_cent(row['high'])})"


def columns(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows as lines of aligned text, the first ``left`` columns flush left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
