"""The paper's Tables 2 and 3, and what the audit has to set beside them."""

from __future__ import annotations

from evaluation.report.lookup import (
    EDGY,
    MARK,
    NOT_MEASURED,
    Attack,
    Result,
    Row,
    case_of,
    columns,
    interval,
    pairs,
    path_label,
    per_cent,
    unique,
    verdict_of,
)

RAW_WER = 5.41
"""Per cent: of raw speech, in the caption of Table 2 and in section 5.2."""

TABLE_2: tuple[tuple[str, str, float], ...] = (
    ("FP16", "baseline", 6.7),
    ("PFL1_20", "filters pruned by L1 norm", 35.6),
    ("PFL1_40", "filters pruned by L1 norm", 43.1),
    ("PFL1_60", "filters pruned by L1 norm", 45.3),
    ("PFL2_20", "filters pruned by L2 norm", 31.8),
    ("PFL2_40", "filters pruned by L2 norm", 32.5),
    ("PFL2_60", "filters pruned by L2 norm", 40.1),
    ("PFGM_20", "filters pruned by geometric median", 17.6),
    ("PFGM_40", "filters pruned by geometric median", 34.8),
    ("PFGM_60", "filters pruned by geometric median", 35.5),
    ("RBS_20", "sparsity by regularisation", 35.2),
    ("RBS_40", "sparsity by regularisation", 38.4),
    ("RBS_60", "sparsity by regularisation", 44.9),
    ("MS_20", "sparsity by magnitude", 42.2),
    ("MS_40", "sparsity by magnitude", 60.4),
    ("MS_60", "sparsity by magnitude", 67.1),
    ("Symmetric", "activations quantised", 19.6),
    ("Asymmetric", "activations quantised", 18.9),
)
"""Table 2 of the paper: model, technique, and WER on regenerated speech in per cent."""

TABLE_3: dict[tuple[str, str], tuple[float, float, float]] = {
    ("LibriSpeech", "gender"): (85.8, 52.1, 46.8),
    ("LibriSpeech", "identity"): (5.06, 5.19, 6.76),
    ("VoxCeleb", "gender"): (90.4, 57.0, 40.2),
    ("VoxCeleb", "identity"): (3.73, 3.89, 4.45),
    ("RAVDESS", "gender"): (99.4, 67.2, 55.5),
    ("RAVDESS", "identity"): (1.59, 1.67, 3.30),
    ("RAVDESS", "emotion"): (85.9, 33.7, 17.1),
    ("IEMOCAP", "gender"): (82.9, 56.7, 50.3),
    ("IEMOCAP", "identity"): (0.01, 0.07, 0.07),
    ("IEMOCAP", "emotion"): (64.7, 27.4, 13.2),
}
"""Table 3 of the paper: data set and task to raw speech, FP16 and PFGM_20; accuracy, of identity EER, per cent."""

CLASSES = {("RAVDESS", "emotion"): 8, ("IEMOCAP", "emotion"): 4}
"""Classes of a task, where there are not two: section 4.1 of the paper."""

FIGURE_4 = {"Raspberry Pi 4": (0.273, 0.285), "MacBook Pro": (0.076, 0.104)}
"""All three modules of FP16 in Figure 4 of the paper, by its section 5.1.1: CPU seconds, and memory in MB."""

_TASKS = {"gender": "gender, accuracy %", "identity": "identity, EER %", "emotion": "emotion, accuracy %"}

_NOTES = f"""\
{MARK} Below chance: a broken attacker, wrong more often than one that guesses, which is no privacy. Flipped, gender's
  40.2 reads 59.8, and 46.8 reads 53.2 (of how many utterances, the paper does not say; 46.8 may be chance). Of four
  emotions chance is 25, and 13.2 cannot be flipped: whoever picks one of the other three instead reads 28.9. Where ours
  are marked, they are significantly below chance.
- All attackers of the paper are ignorant of the system: they learned from raw speech. "EDGY, ignorant" is the best such
  attacker of ours as it came out, "EDGY, best" the best of any that the audit ran.
- The paper reports accuracy, we report balanced accuracy (UAR). It recognised words with Google's Cloud Speech-to-Text.
- The paper regenerates speech in the speaker's own voice, so that its low EER is meant; ours is in the voice of nobody.
- IEMOCAP's EERs stand as printed.
- Its "FP16" of 31 MB is float32: 7.98 million numbers of 4 bytes are 31.9 MB; of 2 bytes they are 15.9 MB.
- Its encoder, "38 times faster by pruning": without 20, 40 and 60 % of the filters it computes at most 1.54, 2.69 and
  5.78 times less."""


def paper_tables(result: Result) -> str:
    """Tables 2 and 3 of the paper with the audit's own figures beside its, as plain text.

    Args:
        result: contents of ``audit.json``.
    """
    return "\n\n".join([_table_2(result), _table_3(result), _NOTES]) + "\n"


def _table_2(result: Result) -> str:
    rows = result["utility"]
    sources = unique(row["source"] for row in rows)
    source = "librispeech" if "librispeech" in sources or not sources else sources[0]
    here = [row for row in rows if row["source"] == source]

    def ours(system: str) -> Row | None:
        return next((row for row in here if (row["system"], row["path"]) == (system, "speech")), None)

    placed = {"raw": ours("raw"), "FP16": ours(EDGY)}
    table = [("model", "technique", "paper", "ours (95 % interval)")]
    for model, technique, wer in (("raw", "-", RAW_WER), *TABLE_2):
        table.append((model, technique, f"{wer:.4g}", _wer(placed[model]) if model in placed else "-"))
    for row in here:
        if row["system"] != "raw" and row is not placed["FP16"]:
            table.append((path_label(row), "ours alone", "-", _wer(row)))
    who = ", ".join(unique(row["recogniser"] for row in here)) or NOT_MEASURED
    return f"Table 2: word error rate, % (ours: {source}, {who}; FP16 beside our {EDGY})\n\n" + columns(table, 2)


def _wer(row: Row | None) -> str:
    return NOT_MEASURED if row is None else interval(row | {"value": row["wer"]}, "")


def _table_3(result: Result) -> str:
    head = ("data set", "task", "raw", "FP16", "PFGM_20", "our chance", "our raw", "EDGY, ignorant", "EDGY, best", "by")
    known = {name.lower() for name, _ in TABLE_3}
    table: list[tuple[str, ...]] = [head]
    for (name, task), figures in TABLE_3.items():
        chance = 100 / CLASSES.get((name, task), 2)
        printed = [f"{v:.2f}" if task == "identity" else f"{v:.1f}{MARK if v < chance else ' '}" for v in figures]
        table.append((name, _TASKS[task], *printed, *_ours(result, task, name.lower())))
    for task, source in (pair for pair in pairs(result) if pair[1] not in known):
        table.append((source, _TASKS[task], "-", "-", "-", *_ours(result, task, source)))
    # The attackers' names are words: flush left, behind the figures.
    lines = columns([row[:-1] for row in table], 2).splitlines()
    width = max(map(len, lines))
    text = "\n".join(f"{line.ljust(width)}  {row[-1]}".rstrip() for line, row in zip(lines, table, strict=True))
    return f"Table 3: what attackers tell (95 % intervals)\n\n{text}"


def _ours(result: Result, task: str, source: str) -> tuple[str, str, str, str, str]:
    """Our chance, raw, ignorant and best figures, and whose the best is."""
    verdict = verdict_of(result, task, EDGY, source)
    case = case_of(result, task, EDGY, source)
    raw = verdict["raw"] if verdict else (verdict_of(result, task, "raw", source) or {}).get("raw")
    best = verdict["best"] if verdict else None
    return (
        per_cent(verdict["chance"]) if verdict else "-",
        interval(raw, "") if raw else NOT_MEASURED,
        _as_it_came(case.strongest("ignorant")) if case else NOT_MEASURED,
        interval(best, "") if best else NOT_MEASURED,
        f"{best['scenario']}: {best['attacker']}" if best else "-",
    )


def _as_it_came(attack: Attack | None) -> str:
    if attack is None:
        return NOT_MEASURED
    return interval({"value": attack.value, "low": attack.low, "high": attack.high}, MARK if attack.broken else "")
