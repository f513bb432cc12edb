"""Draws the app's screens from their layouts and resources, by day and by night: ``screens/day.svg``, ``night.svg``.

    python android_demo/debian/screens.py

A drawing, not a screenshot: Android's own renderer cannot be had with Debian's tools. It shows which views a screen
has, in which order, at which least sizes, with which words and colours; what the app fills in later stays empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parents[1]
APP = PROJECT / "app" / "src" / "main"
OUT = PROJECT / "screens"
ANDROID = "{http://schemas.android.com/apk/res/android}"
TOOLS = "{http://schemas.android.com/tools}"
WIDTH, HEIGHT, GAP = 360, 640, 24
"""Of a small phone and of what lies between two, dp."""
LABEL = "Drawn from the layout files by android_demo/debian/screens.py; not a screenshot"


@dataclass(frozen=True)
class Theme:
    """Colours as ``#rrggbb`` of Material with those of the app.

    Attributes:
        name: of the picture.
        background: behind everything.
        text: of ``textColorPrimary``.
        quiet: of text views without an appearance, and of the line below what is typed.
        button: behind the text of a button.
        bar: behind the title.
        accent: of headings, the meter, and switches that are on.
    """

    name: str
    background: str
    text: str
    quiet: str
    button: str
    bar: str
    accent: str
    title: str = "#ffffff"

    def contrasts(self) -> dict[str, float]:
        """Contrast of all text, and of what is no text but must be seen, with what is behind it (WCAG 2.1)."""
        pairs = {
            "text": (self.text, self.background),
            "text of a button": (self.text, self.button),
            "quiet text": (self.quiet, self.background),
            "heading": (self.accent, self.background),
            "title": (self.title, self.bar),
        }
        return {name: contrast(*pair) for name, pair in pairs.items()}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def themes(app: Path = APP) -> tuple[Theme, Theme]:
    """Day and night. Android's own part is that of ``res/values/colors_material.xml`` in its framework."""
    day, night = (_colours(app / "res" / folder / "styles.xml") for folder in ("values", "values-night"))
    light, dark = "#fafafa", "#303030"
    return (
        Theme(
            "day",
            light,
            blend("#000000", light, 0.87),
            blend("#000000", light, 0.54),
            "#d6d7d7",
            day["primary"],
            day["accent"],
        ),
        Theme("night", dark, "#ffffff", blend("#ffffff", dark, 0.7), "#5a595b", day["primary_dark"], night["accent"]),
    )


def blend(colour: str, behind: str, alpha: float) -> str:
    """What is seen of a translucent colour."""
    mixed = (round(alpha * a + (1 - alpha) * b) for a, b in zip(_rgb(colour), _rgb(behind), strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def draw(theme: Theme, app: Path = APP) -> str:
    """All screens in the order of the manifest as one SVG, for a browser."""
    strings = read_strings(app)
    screens = [
        _screen(activity, app, strings) for activity in ElementTree.parse(app / "AndroidManifest.xml").iter("activity")
    ]
    width = len(screens) * (WIDTH + GAP) + GAP
    body = "\n".join(
        f'<foreignObject x="{x}" y="48" width="{WIDTH}" height="{HEIGHT}">{screen}</foreignObject>'
        for x, screen in zip(range(GAP, width - GAP, WIDTH + GAP), screens, strict=True)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 48 + GAP}" font-family="Roboto, sans-serif">
<style>{_css(theme)}</style>
<rect width="100%" height="100%" fill="#888888"/>
<text x="{GAP}" y="31" font-size="18" fill="#000000">{LABEL} ({theme.name})</text>
{body}
</svg>
"""


def read_strings(app: Path = APP) -> dict[str, str]:
    """Strings as Android shows them; of an array the first item."""
    texts = {}
    for node in ElementTree.parse(app / "res" / "values" / "strings.xml").getroot():
        text = (node if node.tag == "string" else node[0]).text or ""
        text = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
        texts[node.attrib["name"]] = text.replace("\\n", "\n")
    return texts


def _screen(activity: ElementTree.Element, app: Path, strings: dict[str, str]) -> str:
    name = activity.attrib[f"{ANDROID}name"].rpartition(".")[2]
    source = (app / "java" / "org" / "edgy" / "demo" / f"{name}.java").read_text("utf-8")
    (layout,) = re.findall(r"setContentView\(R\.layout\.(\w+)\)", source)
    title = strings[activity.get(f"{ANDROID}label", "@string/app_name").rpartition("/")[2]]
    root = ElementTree.parse(app / "res" / "layout" / f"{layout}.xml").getroot()
    more = '<b class="more">⋮</b>' if "onCreateOptionsMenu" in source else ""
    views = "\n".join(_view(node, strings) for node in root)
    return (
        f'<div xmlns="http://www.w3.org/1999/xhtml" class="screen"><div class="bar">{escape(title)}{more}</div>\n'
        f"{views}</div>"
    )


def _view(node: ElementTree.Element, strings: dict[str, str]) -> str:
    """A view and those within it.

    Raises:
        ValueError: a view that cannot be drawn yet.
    """

    def text(*names: str) -> str:
        values = (node.get(name, "") for name in names)
        return escape(next((strings[v.rpartition("/")[2]] for v in values if v), ""))

    within = {
        "LinearLayout": lambda: "\n".join(_view(child, strings) for child in node),
        "TextView": lambda: text(f"{ANDROID}text", f"{TOOLS}text"),
        "Button": lambda: text(f"{ANDROID}text"),
        "EditText": lambda: "",
        "Spinner": lambda: text(f"{ANDROID}entries") + "<i>▾</i>",
        "Switch": lambda: text(f"{ANDROID}text") + "<i><u></u></i>",
        "ProgressBar": lambda: "<i></i>",
    }
    if node.tag not in within or node.get(f"{ANDROID}orientation", "vertical") != "vertical":
        raise ValueError(f"{node.tag}: teach screens.py to draw it")
    appearance = node.get("style", node.get(f"{ANDROID}textAppearance", "")).rpartition("/")[2].rpartition(".")[2]
    lines = int(node.get(f"{ANDROID}minLines", "0"))
    style = {
        "margin-top": _px(node.get(f"{ANDROID}layout_marginTop")),
        "padding": _px(node.get(f"{ANDROID}padding")),
        "min-height": _px(node.get(f"{ANDROID}minHeight")) or (f"{1.33 * lines:g}em" if lines else ""),
    }
    css = ";".join(f"{key}:{value}" for key, value in style.items() if value)
    kinds = " ".join(filter(None, (node.tag, appearance)))
    return f'<div class="{kinds}" style="{css}">{within[node.tag]()}</div>'


def _px(dimension: str | None) -> str:
    return dimension.replace("dp", "px") if dimension else ""


def _css(theme: Theme) -> str:
    quiet = blend(theme.text, theme.background, 0.3)
    return f"""
.screen {{ height: {HEIGHT}px; overflow: hidden; background: {theme.background}; color: {theme.text}; }}
.screen div {{ font-size: 14px; line-height: 1.33; white-space: pre-line; box-sizing: border-box; }}
.screen .bar {{ height: 56px; padding: 15px 16px; background: {theme.bar}; color: {theme.title};
  font-size: 20px; font-weight: 500; }}
.more {{ float: right; }}
.TextView {{ color: {theme.quiet}; }}
.TextView.Body1 {{ color: {theme.text}; }}
.screen .Heading {{ font-size: 16px; color: {theme.accent}; }}
.screen .Button {{ display: flex; align-items: center; justify-content: center; margin: 6px 4px; border-radius: 2px;
  background: {theme.button}; text-transform: uppercase; font-weight: 500; }}
.screen .Spinner, .screen .Switch {{ display: flex; align-items: center; justify-content: space-between; }}
.screen .Spinner {{ padding-left: 8px; font-size: 16px; }}
.EditText {{ border-bottom: 1px solid {theme.quiet}; }}
.Switch i {{ flex: none; width: 34px; height: 14px; margin-left: 16px; border-radius: 7px; background: {quiet}; }}
.Switch u {{ display: block; width: 20px; height: 20px; margin: -3px 0; border-radius: 10px;
  background: {theme.button}; }}
.ProgressBar i {{ display: block; height: 4px; margin: 6px 0; background: {quiet}; }}
"""


def _colours(styles: Path) -> dict[str, str]:
    return {node.attrib["name"]: (node.text or "").lower() for node in ElementTree.parse(styles).iter("color")}


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in _rgb(colour))]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for drawn in themes():
        (OUT / f"{drawn.name}.svg").write_text(draw(drawn), "utf-8")
        print(OUT / f"{drawn.name}.svg", {name: round(value, 1) for name, value in drawn.contrasts().items()})
