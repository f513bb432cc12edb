"""The paper's figures stand as printed, and ours beside them."""

from pathlib import Path
from typing import Any

import pytest

from edgy_tf.cli import main as edgy
from edgy_tf.compress.recipe import load_recipe
from edgy_tf.releases import find_release
from evaluation import words
from evaluation.compare.matrix import EDGY, PAPER
from evaluation.compare.results import ONLY, Result
from evaluation.compression.rows import Row
from evaluation.report.paper import TABLE_2, TABLE_3
from evaluation.reproduce import run
from evaluation.reproduce.report import BASELINE, PRUNED, page
from evaluation.utility import Utility
from tests.evaluation.deaf import Deaf


def _heard(wer: float) -> tuple[Utility, ...]:
    return (Utility("x", "text", "librispeech", "deaf", 40, 6, wer, wer - 0.1, wer + 0.1),)


def _audited(accuracy: float, broken: bool = False) -> dict[str, Any]:
    def case(system: str, scenario: str, value: float) -> dict[str, Any]:
        score = {"value": value, "low": value - 0.02, "high": value + 0.02}
        attack: dict[str, Any] = {"scenario": scenario, "features": "acoustic", "classifier": "SVM", "score": score}
        attack |= {"broken": broken and system != "raw", "counted": None if broken else score}
        about = {"attribute": "gender", "source": "librispeech", "chance": 0.5, "outcome": "not protected"}
        return about | {"system": system, "attacks": [attack]}

    attributes = [case("raw", "raw", 0.97), case("edgy-mel", "ignorant", accuracy)]
    return {"identity": [], "attributes": attributes, "not_measured": [{"reason": "no such corpus"}]}


@pytest.fixture
def results() -> list[Result]:
    whole = Result("–", None, ONLY, Row("float32", "", agreement=1.0), _heard(0.5))
    rows = {name: Row(name, "", agreement=0.9) for name in PAPER} | {"MS_60": Row("MS_60", "", reason="it broke")}
    return [whole, *(Result(EDGY, load_recipe(n), ONLY, row, _heard(0.6)) for n, row in rows.items())]


def test_all_rows_of_both_tables_have_the_paper_s_figures(results: list[Result]) -> None:
    text = page(results, {BASELINE: _audited(0.8), PRUNED: _audited(0.7)}, "pi", "edgy reproduce-paper", "a machine")
    assert len(TABLE_2) == 18
    for model, technique, wer in TABLE_2:
        assert f"| {model} | {technique} | {wer:.1f} | " in text
    assert "| FP16 | baseline | 6.7 | 50.0 (40 to 60) | 100.0 |" in text
    assert "| PFGM_20 | filters pruned by geometric median | 17.6 | 60.0 (50 to 70) | 90.0 |" in text
    assert "| MS_60 | sparsity by magnitude | 67.1 | it broke | – |" in text
    assert all(f"| {source} | {task}, " in text for source, task in TABLE_3)


def test_an_attacker_below_chance_is_marked_and_not_taken_for_privacy(results: list[Result]) -> None:
    text = page(results, {BASELINE: _audited(0.8), PRUNED: _audited(0.4, broken=True)}, "pi", "c", "m")
    assert "| LibriSpeech | gender, accuracy % | 85.8 | 52.1 | 46.8† | 97.0 (95.0 to 99.0) | 80.0 " in text
    assert "40.0† (38.0 to 42.0) | – |" in text
    assert "| IEMOCAP | emotion, accuracy % | 64.7 | 27.4 | 13.2† | – | – | – | – |" in text
    assert "no such corpus" in text


def test_both_audits_hear_the_release_with_the_variant_that_was_made(
    tiny_release: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: list[Result]
) -> None:
    heard = []

    def audit(self: Any, command: str) -> dict[str, Any]:
        release = find_release(self.release)
        release.verify()
        heard.append((self.variant, release.encoder(self.variant).read_bytes()))
        return _audited(0.8)

    def compare(task: Any, entries: Any, *_: object) -> list[Result]:
        assert [entry.recipe.name for entry in entries] == list(PAPER)
        made = run.open_bench(task).path(PRUNED)
        made.parent.mkdir(parents=True)
        made.write_bytes(find_release(str(tiny_release)).encoder("int8").read_bytes())
        return results

    monkeypatch.setattr(words, "open_recogniser", lambda name, release=None: Deaf())
    monkeypatch.setattr(run, "compare", compare)
    monkeypatch.setattr(run.Audit, "run", audit)
    command = ["reproduce-paper", str(tiny_release), "--corpus", str(tones), "--quick"]
    assert edgy.main([*command, "--out", str(tmp_path / "docs"), "--work", str(tmp_path / "work")]) == 0
    release = find_release(str(tiny_release))
    assert heard == [(v, release.encoder(f).read_bytes()) for v, f in (("float32", "float32"), (PRUNED, "int8"))]
    assert "Table 3" in (tmp_path / "docs" / "paper.md").read_text("utf-8")
