"""The audit's figures as Markdown."""

import re

from evaluation.report.lookup import cases, per_cent
from evaluation.report.markdown import figures
from tests.evaluation.report.made_up import Row, empty, result


def rows(text: str, heading: str) -> list[list[str]]:
    """Cells of the table below a heading, its head included."""
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    [found] = [part for part in section if part.startswith(heading + "\n")]
    lines = [line for line in found.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_word_error_rate_stands_in_its_row(audit: Row) -> None:
    table = rows(figures(audit), "Words")
    for row in audit["utility"]:
        column = table[0].index(row["source"])
        assert any(line[column].startswith(per_cent(row["wer"]) + " (") for line in table[2:])


def test_the_best_attacker_of_each_kind_stands_in_its_column(audit: Row) -> None:
    text = figures(audit)
    checked = 0
    for case in cases(audit):
        if case.system == "raw":
            continue
        table = rows(text, f"Attackers on {case.system}")
        [line] = [line for line in table if line[0] == f"{case.attribute}, {case.source}"]
        assert line[-1] == case.outcome
        for scenario in {attack.scenario for attack in case.attacks}:
            strongest = case.strongest(scenario)
            assert strongest is not None
            assert line[table[0].index(scenario)] == per_cent(strongest.value)
            checked += 1
    assert checked


def test_an_audit_that_found_nothing_says_so() -> None:
    assert "nothing was measured" in figures(empty())


def test_a_system_without_a_rate_is_not_given_one() -> None:
    without = result() | {"bits": []}
    assert {line[1] for line in rows(figures(without), "Words")[2:]} == {"not measured"}
