"""The report's tables as HTML; whatever comes from the result is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from evaluation.report.lookup import (
    ATTRIBUTES,
    MARK,
    NOT_MEASURED,
    NOT_PROTECTED,
    PROTECTED,
    Result,
    Row,
    interval,
    pairs,
    path_label,
    per_cent,
    reason,
    systems_of,
    verdict_of,
    word,
)

_CLASSES = {PROTECTED: "good", NOT_PROTECTED: "bad"}
_SIGNS = {PROTECTED: "●", NOT_PROTECTED: "▲"}
NOTHING = "<p>Nothing was measured.</p>"


def verdict_table(result: Result) -> str:
    """Attributes and sources down, systems across: a word, and the best attacker's figure."""
    rows = pairs(result)
    if not rows:
        return NOTHING
    systems = [s for s in systems_of(result) if any(_judged(result, a, s, source) for a, source in rows)]
    head = "".join(f'<th scope="col">{escape(system)}</th>' for system in systems)
    body = []
    for attribute, source in rows:
        known = next((v for v in result["verdicts"] if (v["attribute"], v["source"]) == (attribute, source)), None)
        about = f"{known['unit']}, chance {per_cent(known['chance'])} %" if known else NOT_MEASURED
        cells = "".join(_verdict_cell(result, attribute, system, source) for system in systems)
        name = f"{escape(attribute)} · {escape(source)}<small>{escape(about)}</small>"
        body.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    totals = "".join(f"<td>{_total(result, system, rows)}</td>" for system in systems)
    return f"""<div class="scroll"><table class="verdict">
<thead><tr><th scope="col">attribute · source</th>{head}</tr></thead>
<tbody>
{chr(10).join(body)}
</tbody>
<tfoot><tr><th scope="row">protected</th>{totals}</tr></tfoot>
</table></div>"""


def _judged(result: Result, attribute: str, system: str, source: str) -> bool:
    return bool(verdict_of(result, attribute, system, source) or reason(result, attribute, system, source))


def _total(result: Result, system: str, rows: Sequence[tuple[str, str]]) -> str:
    found = [verdict_of(result, attribute, system, source) for attribute, source in rows]
    return f"{sum(v is not None and v['outcome'] == PROTECTED for v in found)} of {len(rows)}"


def _verdict_cell(result: Result, attribute: str, system: str, source: str) -> str:
    verdict = verdict_of(result, attribute, system, source)
    if verdict is None:
        why = reason(result, attribute, system, source)
        return f'<td class="none"><b>{NOT_MEASURED}</b><small>{escape(why or "")}</small></td>'
    short, best = word(verdict["outcome"]), verdict["best"]
    sign = f"{_SIGNS[short]} " if short in _SIGNS else ""
    why = verdict["outcome"][len(short) :].strip(" ()")
    parts = [f'<td class="{_CLASSES.get(short, "none")}"><b>{sign}{escape(short)}</b>']
    if why:
        parts.append(f"<small>{escape(why)}</small>")
    if best:
        parts.append(f"<span>{escape(interval(best))}</span>")
        parts.append(f"<small>{escape(best['scenario'])}: {escape(best['attacker'])}</small>")
    return "".join(parts) + "</td>"


def utility_table(result: Result) -> str:
    """Every word error rate."""
    rows = [
        [path_label(r), r["source"], r["recogniser"], r["utterances"], r["speakers"], interval(r | {"value": r["wer"]})]
        for r in result["utility"]
    ]
    return _table("", ["system", "source", "recogniser", "utterances", "speakers", "WER"], rows)


def bits_table(result: Result) -> str:
    """Every rate."""
    rows = [[row["system"], row["source"], f"{row['bits_per_s']:,.0f}"] for row in result["bits"]]
    return _table("", ["system", "source", "bits/s"], rows)


def cost_table(result: Result) -> str:
    """Every stage, and what is said once for each encoder."""
    rows: list[list[object]] = []
    for cost in result["cost"]:
        about = f"{cost['release']} {cost['variant']}, {cost['num_threads']}"
        for stage in cost["stages"]:
            times = [
                f"{1e3 * stage[key]:.2f}" for key in ("first_wall_s", "wall_s", "wall_p95_s", "cpu_s", "cpu_p95_s")
            ]
            memory = [f"{stage['peak_rss_bytes'] / 1e6:.1f}", f"{stage['python_peak_bytes'] / 1e6:.3f}"]
            rows.append([about, stage["stage"], *times, *memory])
    head = ["encoder, threads", "stage", "first ms", "wall ms", "p95", "CPU ms", "p95", "peak RSS MB", "Python peak MB"]
    about = ""
    if result["cost"]:
        one = result["cost"][0]
        about = (
            f"{one['model_bytes'] / 1e6:.2f} MB, {one['gzip_bytes'] / 1e6:.2f} MB compressed, "
            f"{one['macs_per_s'] / 1e6:.1f} million multiply-accumulates and {one['bits_per_s']:.0f} bits per second; "
            f"{one['audio_s']:g} s of audio in a run, {one['num_runs']} runs"
        )
    return _table(about, head, rows)


def attack_tables(result: Result) -> str:
    """Every attack, folded away by attribute, source and system."""
    parts = []
    for row in result["identity"]:
        head = [
            "scenario",
            "verifier, back end",
            "trials",
            "targets",
            "others",
            "EER",
            "min DCF",
            "C_llr",
            "min C_llr",
            "D_sys",
        ]
        attacks = [
            [
                a["scenario"],
                f"{a['verifier']}, {a['back_end']}",
                a["trials"],
                a["targets"],
                a["nontargets"],
                interval(a | {"value": a["eer"]}),
                *(_number(a.get(key)) for key in ("min_dcf", "cllr", "min_cllr", "d_sys")),
                *_counted(a, a["counted"]),
            ]
            for a in row["attacks"]
        ]
        about = (
            f"Attackers must reach an EER of {per_cent(row['bar'])} % on raw speech. The verdict is on mixed trials."
        )
        if "threshold" in row:
            about += f" From {per_cent(row['threshold'])} % on, identity counts as protected."
        parts.append(_folded("identity", row, about, [*head, "broken", "counts as"], attacks))
    for row in sorted(result["attributes"], key=lambda row: _place(row["attribute"])):
        attacks = [
            [
                a["scenario"],
                f"{a['features']}, {a['classifier']}",
                interval(a["score"]),
                *_counted(a, a["counted"] and a["counted"]["value"]),
            ]
            for a in row["attacks"]
        ]
        about = (
            f"{row['utterances']} utterances of {row['speakers']} speakers; {len(row['classes'])} classes: "
            f"{', '.join(row['classes'])}; chance {per_cent(row['chance'])} %, margin {per_cent(row['margin'])}. "
            f"Attackers must reach {per_cent(row['bar'])} % on raw speech."
        )
        head = ["scenario", "features, classifier", "balanced accuracy", "broken", "counts as"]
        parts.append(_folded(row["attribute"], row, about, head, attacks))
    return "\n".join(parts) or NOTHING


def _place(attribute: str) -> int:
    return ATTRIBUTES.index(attribute) if attribute in ATTRIBUTES else len(ATTRIBUTES)


def _counted(attack: Row, value: float | None) -> list[str]:
    return [f"{MARK} yes" if attack["broken"] else "no", "nothing" if value is None else f"{per_cent(value)} %"]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _folded(attribute: str, row: Row, about: str, head: Sequence[str], attacks: Sequence[Sequence[object]]) -> str:
    name = f"{attribute} · {row['source']} · {row['system']}"
    broken = sum(a["broken"] for a in row["attacks"])
    count = f"{len(attacks)} attacks, {broken} broken" if broken else f"{len(attacks)} attacks"
    return f"""<details><summary>{escape(name)}: {escape(row["outcome"])} <small>{count}</small></summary>
{_table(about, head, attacks)}</details>"""


def missing_table(result: Result) -> str:
    """What was not measured, and why."""
    rows = [[r["what"], r.get("system") or "–", r.get("source") or "–", r["reason"]] for r in result["not_measured"]]
    if not rows:
        return "<p>Nothing is missing of what was asked for.</p>"
    return _table("", ["what", "system", "source", "reason"], rows)


def provenance_table(result: Result) -> str:
    """Where the figures come from."""
    release, corpus = result["release"], result["corpus"]
    rows = [
        ["edgy", result["version"]],
        ["seed", result["seed"]],
        ["machine", result["machine"]],
        ["time taken", f"{result['seconds'] / 60:.0f} min, less where a cache had it already"],
        ["corpus, SHA-256 of what was used", corpus["sha256"]],
        *(
            [f"corpus: {k}", f"{v['utterances']} utterances, {v['speakers']} speakers"]
            for k, v in corpus["sources"].items()
        ),
        ["release", f"{release['name']}, {release['variant']}"],
        ["codebook", release["codebook_id"]],
        *([f"SHA-256 of {name}", digest] for name, digest in release["files"].items()),
        *([name, number] for name, number in result["versions"].items()),
    ]
    return _table("", ["what", "value"], rows, "words")


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "full") -> str:
    rows = list(rows)
    if not rows:
        return NOTHING
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "\n".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    about = f'<p class="soft">{escape(caption)}</p>' if caption else ""
    return f"""{about}<div class="scroll"><table class="{kind}">
<thead><tr>{columns}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>"""
