"""The look of the report's figures: colours, axes, and small PNG files for light and dark pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from edgy_tf.demo.figures import DARK, LIGHT, Theme

DPI = 150
SMALL, NORMAL, LARGE = 7.5, 8.5, 10.0
"""Sizes of text, in points."""

PALETTE = ("#56b4e9", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#0072b2", "#b8a800", "#8c6bb1")
"""Okabe and Ito's colours, which the colour-blind tell apart; without black, yellow darkened, and a violet."""
MARKERS = "osD^vPX*"


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        name: of its file, without suffix.
        title: what is seen.
        alt: the same in words, for who does not see it.
        caption: how to read it.
        light: PNG for a light page.
        dark: PNG for a dark page.
    """

    name: str
    title: str
    alt: str
    caption: str
    light: bytes
    dark: bytes


def picture(draw: Callable[[Theme], Figure], *, name: str, title: str, alt: str, caption: str) -> Picture:
    """Draw a figure in both themes."""
    return Picture(name, title, alt, caption, _png(draw(LIGHT)), _png(draw(DARK)))


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """An empty figure, its size in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=theme.paper)


def dress(axes: Axes, theme: Theme, title: str = "", grid: str = "") -> None:
    """Give axes the theme's colours, a title flush left and, along ``grid`` (``x``, ``y`` or ``both``), faint lines."""
    axes.set_facecolor(theme.paper)
    axes.tick_params(which="both", colors=theme.ink, labelsize=NORMAL, length=2.5)
    axes.set_title(plain(title), loc="left", fontsize=LARGE, color=theme.ink)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.ink, fontsize=NORMAL)
    for side, spine in axes.spines.items():
        spine.set_edgecolor(theme.ink)
        spine.set_visible(side in ("left", "bottom"))
    if grid:
        axes.grid(axis=grid, color=theme.ink, alpha=0.18, linewidth=0.6)  # type: ignore[arg-type]
        axes.set_axisbelow(True)


def legend(owner: Axes | Figure, theme: Theme, **options: Any) -> None:
    """A legend without a frame."""
    owner.legend(frameon=False, fontsize=NORMAL, labelcolor=theme.ink, **options)


def name_point(
    axes: Axes,
    place: tuple[float, float],
    names: Sequence[str],
    colour: str,
    offset: tuple[float, float] = (4, 3),
    align: Literal["left", "right"] = "left",
) -> None:
    """Write the first of ``names`` beside a point, and how many more are there, whose names would hide each other."""
    first, *more = names
    text = f"{first} and {len(more)} more" if more else first
    axes.annotate(text, place, xytext=offset, textcoords="offset points", ha=align, fontsize=SMALL - 1.5, color=colour)


def system_colours(systems: Sequence[str], theme: Theme) -> dict[str, str]:
    """A colour for each system: ink for raw speech, the palette's in turn for the others."""
    others = [system for system in systems if system != "raw"]
    return {"raw": theme.ink} | {system: PALETTE[i % len(PALETTE)] for i, system in enumerate(others)}


def diverging(theme: Theme) -> LinearSegmentedColormap:
    """From blue through nearly the paper's colour to orange, so that chance looks like nothing."""
    middle = "#f1f0ec" if theme is LIGHT else "#2a2e36"
    return LinearSegmentedColormap.from_list("chance", ["#2f7fc1", middle, "#d9601a"])


def plain(text: str) -> str:
    """Text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    """A figure needs no more than 256 colours, which take a third of the bytes."""
    full, small = BytesIO(), BytesIO()
    figure.savefig(full, format="png", dpi=DPI)
    image = Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(small, "png", optimize=True)
    return small.getvalue()
