"""The report's files and page, on results that needed no model."""

import base64
import json
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from evaluation.report import write_report
from evaluation.report.lookup import MARK
from tests.evaluation.report.made_up import Row, empty, result
from tests.html_page import Page

HOSTILE = '<script>alert("$x$")</script>&'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_report(result(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(written: list[Path]) -> Page:
    return Page(written[-1].read_text("utf-8"))


def test_the_files_are_data_figures_and_page(written: list[Path], audit: Row) -> None:
    names = [path.name for path in written]
    assert (names[0], names[1], names[-1]) == ("audit.json", "figures.md", "index.html")
    assert json.loads(written[0].read_text("utf-8")) == audit
    assert {"words.png", "privacy-and-words.png", "time.png", "memory.png", "bits.png"} < set(names)
    assert "attackers-1-identity-librispeech.png" in names
    for path in written[2:-1]:
        assert Image.open(path).format == "PNG"
        assert path.stat().st_size < 150_000
        assert path.with_name(path.name.replace(".png", "-dark.png")) in written or "dark" in path.name


def test_the_page_needs_nothing_beside_it(page: Page, written: list[Path]) -> None:
    assert not page.all("script")
    assert not page.all("link")
    urls = [a[key] for _, a in page.elements for key in ("src", "srcset") if key in a]
    assert len(urls) == len(written) - 3
    assert {a["href"] for a in page.all("a")} == {"#attacks"}
    embedded = set()
    for url in urls:
        assert url.startswith("data:image/png;base64,")
        png = base64.b64decode(url.partition(",")[2], validate=True)
        Image.open(BytesIO(png)).verify()
        embedded.add(png)
    assert embedded == {path.read_bytes() for path in written[2:-1]}
    styles = re.sub(r"data:[^\"]*", "", written[-1].read_text("utf-8"))
    assert "url(" not in styles
    assert "@import" not in styles
    assert all(len(image["alt"]) > 40 for image in page.all("img"))


def test_the_verdict_comes_first_in_words_and_figures(page: Page, audit: Row) -> None:
    assert page.words.index("Verdict") < page.words.index("Do the words survive?") < page.words.index("All figures")
    for verdict in audit["verdicts"]:
        best = verdict["best"]
        assert f"{100 * best['value']:.1f} % ({100 * best['low']:.1f} to {100 * best['high']:.1f})" in page.words
    cells = [a["class"] for a in page.all("td") if "class" in a]
    assert cells.count("bad") == sum(v["outcome"] == "not protected" for v in audit["verdicts"])
    assert "gender · librispeech balanced accuracy, chance 50.0 %" in page.words


def test_every_attack_is_in_a_table_and_the_broken_one_is_marked(page: Page, audit: Row) -> None:
    attacks = sum(len(row["attacks"]) for row in audit["identity"] + audit["attributes"])
    assert sum(int(n) for n in re.findall(r"(\d+) attacks", page.words)) == attacks
    assert page.words.count(f"{MARK} yes") == 2  # On two sources.
    assert "38.2 % (33.2 to 44.2) † yes 61.8 %" in page.words
    assert "9 attacks, 1 broken" in page.words


def test_what_is_missing_is_said_with_the_reason(page: Page) -> None:
    missing = page.words[page.words.index("What was not measured") :]
    assert "emotion edgy librispeech no utterance is labelled with emotion; add labels" in missing
    assert "5ea1" in missing
    assert "f11e" in missing


def test_nothing_measured_is_a_page_too(tmp_path: Path) -> None:
    written = write_report(empty(), tmp_path / "new" / "folder")
    assert [path.name for path in written] == ["audit.json", "figures.md", "index.html"]
    page = Page(written[-1].read_text("utf-8"))
    assert page.words.count("Nothing was measured.") == 10
    assert not page.all("img")


def test_nothing_in_the_result_becomes_markup_or_a_path(tmp_path: Path) -> None:
    made = result(("raw", HOSTILE), {f"../{HOSTILE}": ("gender",)}, [(HOSTILE, HOSTILE)])
    for key in ("command", "date", "machine", "version"):
        made[key] = HOSTILE
    made["release"] |= {"name": HOSTILE, "codebook_id": HOSTILE, "files": {HOSTILE: HOSTILE}}
    made["versions"] = {HOSTILE: HOSTILE}
    made["not_measured"] = [{"what": "gender", "system": HOSTILE, "source": HOSTILE, "reason": HOSTILE}]
    made["utility"][0]["recogniser"] = HOSTILE
    written = write_report(made, tmp_path)
    assert {path.parent for path in written} == {tmp_path}
    assert len(set(written)) == len(written)
    page = Page(written[-1].read_text("utf-8"))
    assert not page.all("script")
    assert page.words.count("<script>alert") > 20


def test_measurements_without_figures_are_drawn(tmp_path: Path) -> None:
    audit = result(sources={"librispeech": ("identity", "gender")})
    audit["verdicts"][0] |= {"best": None, "raw": None, "outcome": "not measured (attackers too weak)"}
    audit["verdicts"][1]["best"] |= {"low": None, "high": None}
    audit["identity"][0]["attacks"][0]["counted"] = None
    audit["systems"] = []  # A result that forgot to list them.
    audit["utility"] = [row for row in audit["utility"] if row["system"] != "raw"]
    page = Page(write_report(audit, tmp_path)[-1].read_text("utf-8"))
    assert "not measured attackers too weak" in page.words
    assert "0.800 0.900 0.700 – no nothing" in page.words
