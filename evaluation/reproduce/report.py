"""The paper's Tables 2 and 3 with our figures beside them, as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.compare.results import Result
from evaluation.compression.report import words_cells, words_read
from evaluation.report.lookup import MARK, Case, case_of, cases, interval, unique
from evaluation.report.lookup import Result as Audited
from evaluation.report.markdown import table
from evaluation.report.paper import CLASSES, RAW_WER, TABLE_2, TABLE_3
from evaluation.reproduce.errata import errata

SYSTEM = "edgy-mel"
"""What attackers hear, as in the paper: regenerated speech."""
BASELINE, PRUNED = "FP16", "PFGM_20"
NONE = "–"


def page(results: Sequence[Result], audits: Mapping[str, Audited], release: str, command: str, machine: str) -> str:
    """The page.

    Args:
        results: the release itself, then every variant of Table 2 by its name.
        audits: of ``BASELINE`` and ``PRUNED``.
        release: whose (``Release.title``).
        command: that writes the page.
        machine: that it was measured on.
    """
    parts = [
        f"# The paper's tables with {release}",
        f"Written by `{command}` on {machine}. Run it again and it goes on where it was stopped.",
        "## Table 2: words",
        _table_2(results),
        f"{words_read(results[0].words)}The paper recognises regenerated speech, of which raw speech gives "
        f"{RAW_WER} %, with Google's service. Its FP16 stands beside our float32, for it is one (see below).",
        "## Table 3: what attackers tell",
        _table_3(audits),
        _notes(audits),
        "## Errata",
        "\n".join(f"- {one}" for one in errata()),
    ]
    return "\n\n".join(parts) + "\n"


def _table_2(results: Sequence[Result]) -> str:
    baseline, *others = results
    by_name = {BASELINE: baseline} | {r.row.variant: r for r in others}
    heard = baseline.words
    head = ["model", "technique", "paper, %", *(f"ours, {w.source}, %" for w in heard), "codes as float32, %"]
    rows = []
    for model, technique, wer in TABLE_2:
        ours = by_name[model]
        if ours.made:
            cells = [*words_cells(ours.words), f"{100 * ours.row.agreement:.1f}"]
        else:
            cells = [ours.row.reason, *[NONE] * len(heard)]
        rows.append([model, technique, f"{wer:.1f}", *cells])
    return table(head, rows)


def _table_3(audits: Mapping[str, Audited]) -> str:
    head = ["data set", "task", *(f"paper: {m}" for m in ("raw", BASELINE, PRUNED))]
    head += [f"ours: {m}" for m in ("raw", "float32", PRUNED)] + [f"best attacker on {PRUNED}"]
    known = list(TABLE_3)
    here = [(case.source, case.attribute) for case in _all(audits)]
    names = {name.lower(): name for name, _ in known}
    extra = [pair for pair in unique(here) if (names.get(pair[0], ""), pair[1]) not in known]
    rows = []
    for source, task in [*known, *extra]:
        printed = TABLE_3.get((source, task))
        chance = 100 / CLASSES.get((source, task), 2)
        paper = [_printed(value, task, chance) for value in printed] if printed else [NONE] * 3
        what = f"{task}, {'EER' if task == 'identity' else 'accuracy'} %"
        rows.append([source, what, *paper, *_ours(audits, source.lower(), task)])
    return table(head, rows)


def _printed(value: float, task: str, chance: float) -> str:
    return f"{value:.2f}" if task == "identity" else f"{value:.1f}{MARK if value < chance else ''}"


def _ours(audits: Mapping[str, Audited], source: str, task: str) -> list[str]:
    raw = case_of(audits[BASELINE], task, "raw", source)
    found = [_attack(raw, "raw")]
    for model in (BASELINE, PRUNED):
        found.append(_attack(case_of(audits[model], task, SYSTEM, source), "ignorant"))
    pruned = case_of(audits[PRUNED], task, SYSTEM, source)
    best = pruned.best if pruned else None
    return [*found, f"{100 * best.value:.1f} ({best.scenario})" if best else NONE]


def _attack(case: Case | None, scenario: str) -> str:
    attack = case.strongest(scenario) if case else None
    if attack is None:
        return NONE
    return interval({"value": attack.value, "low": attack.low, "high": attack.high}, MARK if attack.broken else "")


def _all(audits: Mapping[str, Audited]) -> list[Case]:
    return [case for case in cases(audits[PRUNED]) if case.system == SYSTEM]


def _notes(audits: Mapping[str, Audited]) -> str:
    missing = unique(row["reason"] for audit in audits.values() for row in audit["not_measured"])
    lines = [
        f"{MARK} Below chance: a broken attacker, which is no privacy. All attackers of the paper learned from raw "
        "speech; ours beside them too (ignorant), the best attacker knows the system. Ours give balanced accuracy. A "
        f"dash: not measured, for want of the corpus{' or: ' + '; '.join(missing) if missing else ''}."
    ]
    return "\n".join(lines)
