"""``edgy compare`` and ``edgy reproduce-paper`` end to end on the tiny network, where NNCF is not installed."""

from pathlib import Path

import pytest

from edgy_tf.cli import main as edgy
from edgy_tf.compress.recipe import load_recipe, recipe_names
from edgy_tf.errors import MissingDependencyError
from edgy_tf.releases import find_release
from evaluation import words
from evaluation.compare import emulated
from evaluation.compare.lines import lines_of
from evaluation.compare.matrix import ALONE, BOTH, EDGY, NNCF, PAPER, TF_MOT, Entry, matrix
from evaluation.compare.offers import HEAD, offers
from evaluation.compare.results import LEFT, SHRUNK
from evaluation.nncf import environment
from evaluation.nncf.config import config_of
from evaluation.userland.devices import UserlandError
from tests.evaluation.deaf import Deaf


def test_every_recipe_of_the_paper_is_taken_through_both_tools() -> None:
    entries = matrix(steps=600)
    by_tool = {tool: [e.recipe.name for e in entries if e.tool == tool] for tool in (EDGY, NNCF)}
    assert len(PAPER) == 17
    assert set(by_tool[EDGY]) == {*PAPER, *TF_MOT, *BOTH, *ALONE} <= set(recipe_names())
    assert set(by_tool[NNCF]) == {*PAPER, *BOTH, *ALONE}
    for entry in entries:
        assert sum(stage.steps for stage in entry.recipe.stages) == 600
        if entry.tool == NNCF:
            assert config_of(entry.recipe, frames=88, mels=80)["compression"]
    variants = [variant for entry in entries for variant in entry.variants]
    assert len(variants) == len(set(variants)) == 28 + 24 + 11


def test_quick_is_three_rows() -> None:
    assert sum(len(entry.variants) for entry in matrix(steps=100, quick=True)) == 3


def test_lines_are_counted_in_the_sources() -> None:
    filters, alone, gates = (load_recipe(name) for name in ("PFGM_20", "PFGM_20_alone", "RBS_20"))
    ours, theirs = lines_of(Entry(EDGY, filters)), lines_of(Entry(NNCF, filters))
    assert ours.settings == 9
    assert theirs.settings > ours.settings
    assert lines_of(Entry(NNCF, filters), shrunk=True).code > theirs.code
    assert lines_of(Entry(EDGY, gates)).code > ours.code > lines_of(Entry(EDGY, alone)).code


def test_every_offer_has_a_word_for_every_tool() -> None:
    assert all(len(row) == len(HEAD) and all(row) for row in offers())


@pytest.fixture
def no_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither words nor an emulated device."""

    def none(*_: object) -> None:
        raise UserlandError("no userland")

    monkeypatch.setattr(words, "open_recogniser", lambda name, release=None: Deaf())
    monkeypatch.setattr(emulated.Userland, "open", none)


@pytest.mark.usefixtures("no_outside")
def test_a_page_is_written_and_rows_that_cannot_be_made_say_why(
    tiny_release: Path,
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # For the workers, which are processes of their own: an environment that is not there.
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "nowhere"))
    command = ["compare", str(tiny_release), "--corpus", str(tones), "--out", str(tmp_path / "docs"), "--quick"]
    command += ["--work", str(tmp_path / "work"), "--steps", "2", "--utterances", "2"]
    assert edgy.main(command) == 0
    page = (tmp_path / "docs" / "compare.md").read_text("utf-8")
    assert "1 of 3 variants measured" in capsys.readouterr().out
    assert "| PFGM_20 | EDGY | physically shrunk | " in page
    assert "| NNCF_PFGM_20 | NNCF | NNCF is not installed; run: make nncf-env |" in page
    assert "Instructions were not counted: no userland." in page
    assert f"on {find_release(str(tiny_release)).title}\n" in page
    assert "after 2 steps of fine-tuning" in page
    assert "## When to choose which" in page
    assert str(tmp_path) not in page
    assert (tmp_path / "docs" / "compare.png").read_bytes().startswith(b"\x89PNG")
    made = tmp_path / "work" / tiny_release.name / "PFGM_20" / "encoder.tflite"
    before = made.stat().st_mtime_ns
    assert edgy.main(command) == 0
    assert made.stat().st_mtime_ns == before


@pytest.mark.usefixtures("no_outside")
def test_quick_measures_both_tools_on_the_release(tones: Path, tmp_path: Path) -> None:
    try:
        environment.interpreter()
    except MissingDependencyError as error:
        pytest.skip(f"NOT TESTED against NNCF: {error}")
    command = ["compare", "pi", "--corpus", str(tones), "--out", str(tmp_path), "--quick", "--steps", "2"]
    assert edgy.main([*command, "--work", str(tmp_path / "work"), "--utterances", "2"]) == 0
    page = (tmp_path / "compare.md").read_text("utf-8")
    table = page.partition("## Every variant")[2].split("\n\n")[1].splitlines()
    head, _, float32, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    ours, left, shrunk = (dict(zip(head, cells, strict=True)) for cells in rows)
    assert [one["variant"] for one in (ours, left, shrunk)] == ["PFGM_20", "NNCF_PFGM_20", "NNCF_PFGM_20_shrunk"]
    assert [one["form"] for one in (ours, left, shrunk)] == [SHRUNK, LEFT, SHRUNK]
    # Masks cost what the whole network costs; without what they hide, the same codes cost less. NNCF keeps a multiple
    # of 8 filters, so it removes a few less than a fifth.
    assert left["MMAC/s"] == dict(zip(head, float32, strict=True))["MMAC/s"]
    assert left["codes as float32, %"] == shrunk["codes as float32, %"]
    for cost in ("MMAC/s", "kB"):
        small, middle, large = (float(one[cost].replace(",", "")) for one in (ours, shrunk, left))
        assert small < middle < large
