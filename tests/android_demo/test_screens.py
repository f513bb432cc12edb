"""The app's screens, as far as their files tell: pictures show them, words come from the resources, all is legible.

No screen is rendered or inflated by Android's own code here.
"""

import importlib.util
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.android_demo.conftest import PROJECT, run

SOURCE = PROJECT / "debian" / "screens.py"
JAVA = sorted((PROJECT / "app" / "src" / "main" / "java").rglob("*.java"))
FRAMEWORK = "/usr/share/android-framework-res/framework-res.apk"
TEXT = 4.5
"""Least contrast of text of ordinary size (WCAG 2.1, AA)."""

spec = importlib.util.spec_from_file_location("screens", SOURCE)
assert spec is not None
assert spec.loader is not None
screens = importlib.util.module_from_spec(spec)
sys.modules["screens"] = screens  # dataclasses look for it there
spec.loader.exec_module(screens)
THEMES = {theme.name: theme for theme in screens.themes()}


@cache
def framework() -> str:
    """Android's own resources, as aapt2 lists them."""
    if shutil.which("aapt2") is None:
        pytest.skip("NOT TESTED against Android's colours: aapt2 is missing; run: make android-tools")
    return run("aapt2", "dump", "resources", FRAMEWORK)


def resource(name: str) -> str:
    """The value of one of them for a plain phone, references followed."""
    found = re.search(rf"resource 0x\w+ {name}\b.*\n\s+\(\) (\S+)", framework())
    assert found, name
    return resource(found[1][1:]) if found[1].startswith("@") else found[1]


@pytest.mark.parametrize("name", THEMES)
def test_the_pictures_are_those_of_the_layouts(name: str) -> None:
    picture = screens.OUT / f"{name}.svg"
    assert picture.read_text("utf-8") == screens.draw(THEMES[name]), f"draw it again: python {SOURCE.name}"
    assert screens.LABEL in picture.read_text("utf-8")


def test_there_is_a_picture_of_every_screen() -> None:
    drawn = ElementTree.fromstring(screens.draw(THEMES["day"])).iter("{http://www.w3.org/2000/svg}foreignObject")
    assert len(list(drawn)) == len([path for path in JAVA if path.stem.endswith("Activity")])


@pytest.mark.parametrize("name", THEMES)
def test_all_text_stands_out(name: str) -> None:
    for what, contrast in THEMES[name].contrasts().items():
        assert contrast >= TEXT, (name, what)


def test_contrast_is_that_of_the_standard() -> None:
    assert screens.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert screens.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # the example that just fails
    assert screens.blend("#000000", "#ffffff", 0.5) == "#808080"


@pytest.mark.parametrize(("name", "kind"), [("day", "light"), ("night", "dark")])
def test_androids_part_of_the_colours_is_androids(name: str, kind: str) -> None:
    theme = THEMES[name]
    background = "#" + resource(f"color/background_material_{kind}")[3:]
    foreground = "#" + resource(f"color/foreground_material_{kind}")[3:]
    alphas = (float(resource(f"dimen/{part}_content_alpha_material_{kind}")) for part in ("primary", "secondary"))
    text, quiet = (screens.blend(foreground, background, alpha) for alpha in alphas)
    button = "#" + resource(f"color/button_material_{kind}")[3:]
    assert (theme.background, theme.text, theme.quiet, theme.button) == (background, text, quiet, button)


@pytest.mark.parametrize("path", JAVA, ids=lambda p: p.stem)
def test_no_words_are_shown_that_are_not_in_the_resources(path: Path) -> None:
    # What names a setting is not shown.
    source = re.sub(r'\bgetString\("\w+"', "getString(", path.read_text("utf-8"))
    shown = r'\b(?:setText|setTitle|setHint|setContentDescription|append|makeText)\([^;]*?"([^"]*)"'
    said = re.findall(shown, source)
    assert [text for text in said if re.search(r"[A-Za-z]", text)] == []


def test_every_string_is_used() -> None:
    files = [*JAVA, *(PROJECT / "app" / "src" / "main").rglob("*.xml")]
    text = "\n".join(path.read_text("utf-8") for path in files)
    used = {*re.findall(r"R\.(?:string|array)\.(\w+)", text), *re.findall(r'"@(?:string|array)/(\w+)"', text)}
    assert set(screens.read_strings()) == used


def test_a_view_that_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match=r"^GridView: teach screens\.py"):
        screens._view(ElementTree.fromstring("<GridView/>"), {})
