"""The page of a search: every trial against agreement, and how to use the winner. It needs nothing beside it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from matplotlib.figure import Figure

from edgy_tf.demo.figures import Theme
from evaluation.autotune.limits import UNITS, Measures
from evaluation.autotune.results import Found, name, outcome
from evaluation.report.page import figure
from evaluation.report.style import PALETTE, SMALL, Picture, dress, legend, new_figure, picture

_TEMPLATE = Path(__file__).with_name("page.html")
_PANELS = (
    ("size", 1e-6, "file, MB", "max_size"),
    ("zipped", 1e-6, "file after gzip, MB", ""),
    ("ms", 1.0, "CPU ms for a second of audio", "max_ms"),
)
"""Measure, scale, label and limit of each horizontal axis."""


def build_page(found: Found, out: Path) -> str:
    """The page as HTML; ``out`` is the folder of the search, for the command that uses the winner."""
    if found.winner:
        verdict = f"Trial {found.winner.number} wins: {name(found.winner)}."
        use = found.use(out)
    else:
        verdict, use = f"{found.nearest()}.", "no recipe was written; loosen a limit, or give more --trials or --steps"
    text = {
        "release": Path(found.release).name,
        "command": found.command,
        "machine": found.machine,
        "verdict": verdict[0].upper() + verdict[1:],
        "use": use,
        "limits": "; ".join(_limits(found)),
    }
    drawn = figure(pareto_picture(found)) if found.measured else "<p>Nothing was measured.</p>"
    markup = {"pareto": drawn, "trials": _table(found)}
    template = Template(_TEMPLATE.read_text("utf-8"))
    return template.substitute({key: escape(value) for key, value in text.items()} | markup)


def pareto_picture(found: Found) -> Picture:
    """Agreement against size, zipped size and time: all trials, the front, the limits and the winner."""

    def draw(theme: Theme) -> Figure:
        drawing = new_figure(10.2, 3.9, theme)
        groups = _groups(found)
        for axes, (measure, scale, label, option) in zip(drawing.subplots(1, 3, sharey=True), _PANELS, strict=True):
            for about, members in groups.items():
                x = [scale * getattr(m, measure) for _, m in members]
                y = [100 * m.agreement for _, m in members]
                style = {"markersize": 14 if about == "winner" else 6, "markeredgecolor": theme.paper}
                colour = {"winner": PALETTE[2], "within the limits": PALETTE[1]}.get(about, theme.ink)
                axes.plot(x, y, "*" if about == "winner" else "o", color=colour, label=about, linestyle="", **style)
                for (number, _), here, there in zip(members, x, y, strict=True):
                    if number in found.front:
                        axes.annotate(str(number), (here, there), (4, 4), textcoords="offset points",
                                      fontsize=SMALL, color=theme.ink)  # fmt: skip
            line = {"color": theme.line, "linewidth": 1, "linestyle": (0, (4, 3))}
            if option and (limit := getattr(found.limits, option)) is not None:
                axes.axvline(scale * limit, **line)
            if (least := found.limits.min_agreement) is not None:
                axes.axhline(100 * least, **line)
            axes.set_xlabel(label)
            dress(axes, theme, grid="both")
        drawing.axes[0].set_ylabel("codes equal to the teacher's, %")
        handles, labels = drawing.axes[0].get_legend_handles_labels()
        legend(drawing, theme, handles=handles, labels=labels, loc="outside lower center", ncols=len(groups))
        return drawing

    said = "; ".join(
        f"trial {t.number}, {name(t)}: {100 * m.agreement:.1f} %, {m.zipped / 1e6:.2f} MB zipped, {m.ms:.2f} ms"
        for t, m in found.measured
        if t.number in found.front
    )
    return picture(
        draw,
        name="pareto",
        title="Up is the same codes, left is smaller or faster",
        alt=f"Scatter of all trials. On the front: {said}.",
        caption="Numbered trials are on the front: no other beats them in agreement, zipped size and time at once. "
        "Dashed lines are limits.",
    )


def _groups(found: Found) -> dict[str, list[tuple[int, Measures]]]:
    """Trials by what the picture calls them, the winner last so that it lies on top."""
    winner = found.winner.number if found.winner else 0
    groups: dict[str, list[tuple[int, Measures]]] = {"misses a limit": [], "within the limits": [], "winner": []}
    for trial, measures in found.measured:
        met = "within the limits" if found.limits.met(measures) else "misses a limit"
        groups["winner" if trial.number == winner else met].append((trial.number, measures))
    return {about: members for about, members in groups.items() if members}


def _limits(found: Found) -> list[str]:
    given = [(unit, getattr(found.limits, unit.option)) for unit in UNITS]
    return [f"{unit.flag} {unit.show(limit)}" for unit, limit in given if limit is not None]


def _table(found: Found) -> str:
    rows = []
    for trial in found.trials:
        if m := trial.measures:
            cells = [
                f"{100 * m.agreement:.1f}",
                f"{m.size / 1e6:.3f}",
                f"{m.zipped / 1e6:.3f}",
                f"{m.macs / 1e6:.1f}",
                f"{m.ms:.2f}",
                "–" if m.instructions is None else f"{m.instructions / 1e6:.1f}",
                "–" if m.wer_rise is None else f"{100 * m.wer_rise:+.1f}",
                "–" if m.leak_rise is None else f"{100 * m.leak_rise:+.1f}",
            ]
        else:
            cells = ["–"] * 8
        marks = "".join(["★" * (trial == found.winner), "●" * (trial.number in found.front)])
        texts = [name(trial), *cells, outcome(trial, found.limits)]
        row = "".join(f"<td>{escape(text)}</td>" for text in texts)
        rows.append(f'<tr><th scope="row">{trial.number} {marks}</th>{row}</tr>')
    return "\n".join(rows)
