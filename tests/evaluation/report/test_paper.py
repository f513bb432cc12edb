"""The paper's tables beside ours, and the summary."""

import re

import pytest

from evaluation.report import paper_tables, summary
from evaluation.report.lookup import MARK
from evaluation.report.paper import RAW_WER, TABLE_2, TABLE_3
from tests.evaluation.report.made_up import Row, empty


def line(text: str, *starts: str) -> list[str]:
    """Cells of the line that begins with these."""
    rows = (re.split(r"\s{2,}", row.strip()) for row in text.splitlines())
    return next(cells for cells in rows if cells[: len(starts)] == list(starts))


def test_the_papers_figures_are_the_papers() -> None:
    wers = dict((name, wer) for name, _, wer in TABLE_2)
    assert RAW_WER == 5.41
    assert len(TABLE_2) == 18
    assert (wers["FP16"], wers["PFGM_20"], wers["MS_60"], wers["Asymmetric"]) == (6.7, 17.6, 67.1, 18.9)
    assert sum(wers.values()) == pytest.approx(649.7)
    assert TABLE_3["LibriSpeech", "identity"] == (5.06, 5.19, 6.76)
    assert TABLE_3["RAVDESS", "emotion"] == (85.9, 33.7, 17.1)
    assert len(TABLE_3) == 10


def test_ours_stand_beside_the_papers(audit: Row) -> None:
    text = paper_tables(audit)
    assert line(text, "raw") == ["raw", "-", "5.41", "11.9 (7.9 to 18.9)"]
    assert line(text, "FP16") == ["FP16", "baseline", "6.7", "24.4 (20.4 to 31.4)"]
    assert line(text, "PFGM_20")[2:] == ["17.6", "-"]
    assert line(text, "edgy, text")[2:] == ["-", "19.4 (15.4 to 26.4)"]
    cells = line(text, "RAVDESS", "emotion, accuracy %")
    assert cells[2:6] == ["85.9", "33.7", "17.1", "12.5"]
    assert cells[6:9] == [shown(audit, *which) for which in (("raw", False), ("ignorant", False), ("", True))]
    assert line(text, "IEMOCAP", "gender, accuracy %")[5:9] == ["-", *3 * ["not measured"]]


def shown(audit: Row, scenario: str, best: bool) -> str:
    """Our best figure on the emotions of RAVDESS, worked out by hand."""
    [row] = [r for r in audit["attributes"] if (r["attribute"], r["system"]) == ("emotion", "edgy")]
    scores = [a["score"] for a in row["attacks"] if (best and a["scenario"] != "raw") or a["scenario"] == scenario]
    top = max(scores, key=lambda score: score["value"])
    return f"{100 * top['value']:.1f} ({100 * top['low']:.1f} to {100 * top['high']:.1f})"


def test_figures_below_chance_are_marked(audit: Row) -> None:
    text = paper_tables(audit)
    assert line(text, "VoxCeleb", "gender, accuracy %")[4] == f"40.2{MARK}"
    assert line(text, "IEMOCAP", "emotion, accuracy %")[4] == f"13.2{MARK}"
    assert line(text, "RAVDESS", "gender, accuracy %")[4] == "55.5"
    assert "40.2 reads 59.8" in " ".join(text.split())
    assert "15.9 MB" in text
    for row in audit["attributes"]:
        row["attacks"] = [a for a in row["attacks"] if a["broken"] or a["scenario"] != "ignorant"]
    ours = line(paper_tables(audit), "LibriSpeech", "gender, accuracy %")
    assert ours[7] == f"38.2{MARK} (33.2 to 44.2)"


def test_without_figures_nothing_is_made_up() -> None:
    text = paper_tables(empty())
    assert line(text, "raw")[3] == "not measured"
    assert line(text, "LibriSpeech", "gender, accuracy %")[2:6] == ["85.8", "52.1", f"46.8{MARK}", "-"]
    assert summary(empty()) == "nothing was measured"


def test_our_other_sources_follow(audit: Row) -> None:
    for row in audit["verdicts"] + audit["attributes"] + audit["identity"]:
        row["source"] = row["source"].replace("ravdess", "nemo")
    cells = line(paper_tables(audit), "nemo", "emotion, accuracy %")
    assert cells[2:6] == ["-", "-", "-", "12.5"]


def test_the_summary_has_a_line_for_each_system(audit: Row) -> None:
    identity = next(v for v in audit["verdicts"] if (v["attribute"], v["system"]) == ("identity", "edgy"))
    gender = [v for v in audit["verdicts"] if (v["attribute"], v["system"]) == ("gender", "edgy")]
    gender[0]["outcome"] = "protected"
    cells = line(summary(audit), "edgy")
    assert cells[1:3] == ["551", "19.4"]
    assert cells[3] == f"{100 * identity['best']['value']:.1f} {identity['outcome']}"
    assert cells[4] == f"{100 * max(v['best']['value'] for v in gender):.1f} not protected"
    audit["verdicts"] = [v for v in audit["verdicts"] if v["attribute"] != "emotion"]
    audit["utility"] = []
    cells = line(summary(audit), "edgy")
    assert (cells[2], cells[5]) == ("not measured", "not measured")
    assert "1 not measured, see the report" in summary(audit)
