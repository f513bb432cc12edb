"""Audits side by side."""

import json
import sys
from pathlib import Path

import pytest

from evaluation.report.compare import HEAD, main, row
from tests.evaluation.report.made_up import Row, empty, result


def test_a_row_holds_the_points_above_raw_and_the_best_attackers(audit: Row) -> None:
    cells = dict(zip(HEAD, row(audit), strict=True))
    raw = next(r["wer"] for r in audit["utility"] if r["system"] == "raw")
    text = next(r["wer"] for r in audit["utility"] if (r["system"], r["path"]) == ("edgy", "text"))
    assert cells["release"] == "pi"
    assert cells["text, WER above raw"] == f"{100 * (text - raw):.1f}"
    verdicts = [v for v in audit["verdicts"] if (v["system"], v["attribute"]) == ("edgy", "gender")]
    assert cells["gender, best attacker"] == f"{100 * max(v['best']['value'] for v in verdicts):.1f}"
    semi = [
        a["eer"]
        for r in audit["identity"]
        for a in r["attacks"]
        if (r["system"], a["scenario"], a["trials"]) == ("edgy", "semi-informed", "mixed")
    ]
    assert cells["identity, EER, semi-informed"] == f"{100 * min(semi):.1f}"


def test_what_was_not_measured_has_no_figure() -> None:
    assert row(empty())[1:] == ["–"] * (len(HEAD) - 1)


def test_a_file_that_is_no_audit_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"broken.json": "{", "other.json": "{}"}.items():
        (tmp_path / name).write_text(content)
        monkeypatch.setattr(sys, "argv", ["compare", str(tmp_path / name)])
        with pytest.raises(SystemExit, match="not an audit"):
            main()


def test_every_audit_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(json.dumps(result()))
    monkeypatch.setattr(sys, "argv", ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    main()
    assert len(capsys.readouterr().out.splitlines()) == 4
