"""``edgy autotune`` from speech to a recipe: it goes on, its winner can be made again, and limits can be too tight."""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgy_tf.cli.main import main
from edgy_tf.compress.recipe import load_recipe
from edgy_tf.releases import find_release
from evaluation.autotune.space import describe
from tests.html_page import Page

STEPS = 24


@pytest.fixture(autouse=True)
def one_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times one short run, because no test is about time; trains without graphs, which few steps do not pay for."""
    import tensorflow as tf

    from evaluation.autotune import trial

    monkeypatch.setattr(trial, "SECONDS", 1)
    monkeypatch.setattr(trial, "RUNS", 1)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def arguments(tiny_release: Path, tones: Path, tmp_path: Path) -> list[str]:
    named = {"--release": tiny_release, "--corpus": tones, "--out": tmp_path / "out", "--steps": STEPS}
    return ["autotune", *(str(part) for pair in named.items() for part in pair)]


def _rows(out: Path) -> list[dict[str, str]]:
    with (out / "trials.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_winner_s_recipe_makes_the_trial_s_bytes_again(
    arguments: list[str], tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*arguments, "--min-agreement", "1", "--trials", "1"]) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0].startswith("trial 1 of 1: int8: ")
    assert first[0].endswith("within the limits (best so far: 1)")
    before = _rows(out)

    # One more, of stages that train: the first is neither repeated nor printed.
    assert main([*arguments, "--min-agreement", "1", "--trials", "2"]) == 0
    more = capsys.readouterr().out.splitlines()
    assert more[0].startswith(f"trial 2 of 2: {describe(load_recipe('edge'))}: ")
    assert more[1].startswith("all trials: ")
    rows = _rows(out)
    assert rows[0] == before[0] | {"pareto": rows[0]["pareto"]}
    assert len(rows) == 2
    # The smaller one, since no cost is limited.
    winner = rows[1]
    assert int(winner["zipped_bytes"]) < int(rows[0]["zipped_bytes"])
    assert f"the winner is trial 2, {winner['recipe']}:" in more[-2]

    # The command that is printed, but for where it writes.
    recipe = load_recipe(str(out / "recipe.toml"))
    assert winner["recipe"] in recipe.about
    made = tmp_path / "again" / tiny_release.name
    command = ["compress", "--recipe", str(out / "recipe.toml"), "--release", str(tiny_release)]
    assert main([*command, "--corpus", str(tones), "--out", str(made)]) == 0
    model = find_release(str(made)).encoder("recipe").read_bytes()
    assert hashlib.sha256(model).hexdigest() == winner["sha256"]
    assert len(model) == int(winner["bytes"])

    html = (out / "index.html").read_text("utf-8")
    page = Page(html)
    assert f"Trial {winner['trial']} wins: {winner['recipe']}." in page.words
    assert all(source["src"].startswith("data:") for source in page.all("img"))
    assert not page.all("script")
    assert len(page.all("tr")) == 1 + len(rows)
    assert all(row["recipe"] in page.words for row in rows)


def test_limits_that_cannot_be_met_say_by_how_much(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([*arguments, "--max-size", "1k", "--trials", "1"]) == 2
    printed = capsys.readouterr()
    [row] = _rows(out)
    size = int(row["bytes"])
    said = f"missed --max-size by {(size - 1000) / 1e6:.3f} MB ({size / 1e6:.3f} MB, limit 0.001 MB)"
    assert printed.err.strip().splitlines()[-1] == (
        f"edgy autotune: no trial met the limits; the nearest, trial 1 (int8), {said}"
    )
    assert said in Page((out / "index.html").read_text("utf-8")).words
    assert not (out / "recipe.toml").exists()
    assert "none meets the limits so far" in printed.out

    # Nothing is left to do: it says so again at once, and other limits need another folder.
    assert main([*arguments, "--max-size", "1k", "--trials", "1"]) == 2
    assert "trial 1 of 1" not in capsys.readouterr().out
    assert main([*arguments, "--max-size", "2k", "--trials", "1"]) == 2
    assert "holds a search with another limits; choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--trials", "1"], "give a limit to search for: --max-size, --max-ms"),
        (["--max-size", "1M", "--steps", "23"], "--steps must be at least 24"),
        (["--max-size", "1M", "--release", "pie"], "no release 'pie'"),
        (["--max-size", "1M", "--corpus", "missing"], "no such folder"),
        (["--max-leak-rise", "0"], "the privacy floor cannot be measured on this corpus"),
    ],
)
def test_what_is_amiss_is_one_line_before_any_trial(
    options: list[str], complaint: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *options]) == 2
    printed = capsys.readouterr()
    error = printed.err.strip().split("\n")[-1].split("\r")[-1]
    assert error.startswith("edgy autotune: ")
    assert complaint in error
    assert "trial 1" not in printed.out
    assert not (tmp_path / "out" / "index.html").exists()


def test_a_cluster_needs_an_extra_of_its_own(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([*arguments, "--max-size", "1M", "--ray", "auto"]) == 2
    assert "pip install 'edgy-tf[ray]'" in capsys.readouterr().err


def test_instructions_are_counted_and_limited(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evaluation.autotune import trial

    asked: list[Path] = []

    def count(device: object, model: Path) -> int:
        asked.append(model)
        return 40_000_000

    # Counting itself is tested where the userland is.
    monkeypatch.setattr(trial, "emulated", lambda *device: "a device")
    monkeypatch.setattr(trial, "per_second", count)
    assert main([*arguments, "--max-instructions", "30M", "--trials", "1"]) == 2
    assert len(asked) == 1
    said = "missed --max-instructions by 10.0 M instructions (40.0 M instructions, limit 30.0 M instructions)"
    assert said in capsys.readouterr().err
    assert _rows(tmp_path / "out")[0]["instructions_per_s"] == "40000000"
    assert said in Page((tmp_path / "out" / "index.html").read_text("utf-8")).words


def test_instructions_need_the_emulator(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([*arguments, "--max-instructions", "30M"]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1].split("\r")[-1]
    assert error.endswith("qemu-aarch64 is not installed; run: make pi-userland; or leave --max-instructions out")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-size", "many"),
        ("--max-size", "0"),
        ("--max-size", "-1k"),
        ("--max-size", "k"),
        ("--max-size", "nan"),
        ("--max-ms", "inf"),
        ("--max-instructions", "none"),
        ("--min-agreement", "0"),
        ("--min-agreement", "101"),
        ("--max-wer-rise", "nan"),
        ("--trials", "0"),
    ],
)
def test_bad_figures_are_refused(
    option: str, value: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, f"{option}={value}"])
    assert stopped.value.code == 2
    assert f"argument {option}: must be" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "size"), [("600k", 600_000), ("1.2M", 1_200_000), ("4096", 4096)])
def test_sizes_have_suffixes(text: str, size: int) -> None:
    from edgy_tf.cli import autotune

    assert autotune.size(text) == size
