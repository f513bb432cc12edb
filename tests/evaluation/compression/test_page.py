"""``python -m evaluation.compression``: one row for each recipe, made once, and a page of them."""

from pathlib import Path

import pytest

from edgy_tf.corpora import open_corpus
from edgy_tf.releases import find_release
from evaluation import words
from evaluation.compression import __main__ as command
from evaluation.compression.rows import FLOAT, Bench
from tests.evaluation.deaf import Deaf

RECIPE = """
about = "fewer filters, then int8"
seed = 1
stages = [
    { do = "filters", criterion = "gm", rate = 0.25, steps = 2, batch = 4 },
    { do = "quantise", kind = "int8" },
]
"""
TOO_NARROW = """
about = "nothing left"
seed = 1
stages = [{ do = "filters", criterion = "l1", rate = 0.99, steps = 2, batch = 4 }]
"""


@pytest.fixture
def recipes(tmp_path: Path) -> list[str]:
    found = []
    for name, text in (("small", RECIPE), ("nothing", TOO_NARROW)):
        path = tmp_path / f"{name}.toml"
        path.write_text(text)
        found.append(str(path))
    return found


def test_the_page_has_every_recipe_and_what_is_made_is_not_made_again(
    recipes: list[str],
    tiny_release: Path,
    tones: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(words, "open_recogniser", lambda name, release=None: Deaf())
    arguments = ["compression", str(tiny_release), "--corpus", str(tones), "--out", str(tmp_path / "docs")]
    arguments += ["--work", str(tmp_path / "work"), "--recipes", *recipes]
    monkeypatch.setattr("sys.argv", arguments)
    command.main()
    page = (tmp_path / "docs" / "compression.md").read_text()
    assert f"| {FLOAT} | 100.0 | 1" in page
    assert "WER: deaf reads the codes of 4 utterances of 2 speakers of " in page
    assert "| small | " in page
    assert "| nothing | nothing left | no filter of 8 would be left; choose a smaller rate |" in page
    assert (tmp_path / "docs" / "compression.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in page

    capsys.readouterr()
    made = tmp_path / "work" / tiny_release.name / "small" / "encoder.tflite"
    before = made.stat().st_mtime_ns
    command.main()
    assert made.stat().st_mtime_ns == before
    assert "small: " in capsys.readouterr().out
    # Another recipe of the same name is another variant.
    Path(recipes[0]).write_text(RECIPE.replace("0.25", "0.5"))
    command.main()
    assert made.stat().st_mtime_ns != before


def test_a_row_says_what_its_file_is(recipes: list[str], tiny_release: Path, tones: Path, tmp_path: Path) -> None:
    from edgy_tf.compress.recipe import load_recipe

    bench = Bench(find_release(str(tiny_release)), open_corpus(tones), tmp_path)
    whole, small = bench.baseline(), bench.row(load_recipe(recipes[0]))
    assert small.size == bench.path("small").stat().st_size < whole.size
    assert small.macs < whole.macs
    assert 0 <= small.agreement <= 1
    times = bench.times([FLOAT, "small"])
    assert all(cost.cpu_s > 0 for cost in times.values())
