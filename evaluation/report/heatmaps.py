"""Maps of every attacker in every scenario, coloured by how far it is from chance."""

from __future__ import annotations

import re
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edgy_tf.demo.figures import Theme
from evaluation.report.lookup import MARK, SCENARIOS, Case, Result, cases, per_cent, unique
from evaluation.report.style import LARGE, NORMAL, SMALL, Picture, diverging, dress, new_figure, picture, plain

_MEASURES = {"identity": "EER, %", "gender": "balanced accuracy, %", "emotion": "UAR, %"}
_ACROSS = 3
_DARK_CELL = 0.45


def attacker_pictures(result: Result) -> list[Picture]:
    """One figure for each attribute and source, with a panel for each system."""
    found = [case for case in cases(result) if case.attacks]
    pictures = []
    for number, key in enumerate(unique((case.attribute, case.source) for case in found), 1):
        mine = [case for case in found if (case.attribute, case.source) == key]
        # Of raw speech there are the attacks of one scenario alone, which all other panels repeat.
        panels = [case for case in mine if any(a.scenario != "raw" for a in case.attacks)] or mine
        slug = re.sub("[^a-z0-9]+", "-", "-".join(key).lower())
        pictures.append(_map_of(panels, f"attackers-{number}-{slug}"))
    return pictures


def _map_of(panels: list[Case], name: str) -> Picture:
    one = panels[0]
    rows = unique(a.attacker for case in panels for a in case.attacks)
    columns = [s for s in SCENARIOS if any(a.scenario == s for case in panels for a in case.attacks)]
    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    norm = TwoSlopeNorm(one.chance, 0, 1)

    def draw(theme: Theme) -> Figure:
        colours = diverging(theme)
        if one.attribute == "identity":
            colours = colours.reversed()
        width = 1.0 + 0.07 * max(map(len, rows)) + across * 0.55 * len(columns)
        figure = new_figure(width, 0.3 + down * (0.75 + 0.25 * len(rows)), theme)
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        for axes, case in zip(grid.flat, panels, strict=False):
            _cells(axes, case, rows, columns, (norm, colours), theme)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=grid, pad=0.015, aspect=35, fraction=0.03)
        bar.set_ticks([0, one.chance, 1], labels=["0", f"{per_cent(one.chance)}\nchance", "100"])
        dress(bar.ax, theme)
        bar.outline.set_visible(False)
        return figure

    best = "; ".join(
        f"{case.system}: {case.outcome}" + (f", best {case.best.attacker}, {case.best.scenario}" if case.best else "")
        for case in panels
    )
    return picture(
        draw,
        name=name,
        title=f"{one.attribute}, {one.source}: {_MEASURES[one.attribute]}",
        alt=f"Heat map of attackers by scenario, one panel for each system. {best}. The tables hold the figures.",
        caption="",
    )


def _cells(
    axes: Axes, case: Case, rows: list[str], columns: list[str], scale: tuple[Normalize, Colormap], theme: Theme
) -> None:
    """One panel: a coloured number for each attack; the best attack is framed, broken ones are marked."""
    norm, colours = scale
    best = case.best
    for attack in case.attacks:
        x, y = columns.index(attack.scenario), rows.index(attack.attacker)
        colour: Any = colours(norm(attack.value))
        axes.add_patch(Rectangle((x - 0.47, y - 0.45), 0.94, 0.9, facecolor=colour, edgecolor="none"))
        text = f"{100 * attack.value:.0f}{MARK if attack.broken else ''}"
        light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > _DARK_CELL
        axes.text(x, y, text, ha="center", va="center", fontsize=NORMAL, color="#14161a" if light else "#ffffff")
        if attack is best:
            frame: dict[str, Any] = {"facecolor": "none", "edgecolor": theme.ink, "linewidth": 1.8, "zorder": 3}
            axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, **frame))
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), [name.replace("-", "-\n") for name in columns])
    axes.set_yticks(range(len(rows)), [plain(name) for name in rows])
    dress(axes, theme)
    axes.set_title(plain(f"{case.system}: {case.outcome}"), loc="left", fontsize=LARGE - 1, color=theme.ink)
    axes.tick_params(length=0, labelsize=SMALL)
    for spine in axes.spines.values():
        spine.set_visible(False)
