"""The report's figures, but for the attackers' and the costs: words, and privacy against words."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from edgy_tf.demo.figures import Theme
from evaluation.report.lookup import (
    ATTRIBUTES,
    Result,
    Row,
    gain,
    interval,
    least_wer,
    path_label,
    per_cent,
    systems_of,
    unique,
)
from evaluation.report.style import (
    MARKERS,
    SMALL,
    Picture,
    dress,
    legend,
    new_figure,
    picture,
    plain,
    system_colours,
)

_AXES = {
    "identity": "best attacker's EER, %",
    "gender": "balanced accuracy, points above chance",
    "emotion": "UAR, points above chance",
}


def wer_picture(result: Result) -> Picture | None:
    """Bars of word error rates with their intervals, one panel for each source; None if there are none."""
    rows = result["utility"]
    if not rows:
        return None
    sources = unique(row["source"] for row in rows)
    many = len({row["recogniser"] for row in rows}) > 1

    def label(row: Row) -> str:
        return f"{path_label(row)} · {row['recogniser']}" if many else path_label(row)

    labels = unique(label(row) for row in sorted(rows, key=lambda row: systems_of(result).index(row["system"])))
    end = max(1.0, 100 * max(row["high"] for row in rows))

    def draw(theme: Theme) -> Figure:
        colours = system_colours(systems_of(result), theme)
        figure = new_figure(1.6 + 3.2 * len(sources), 1.0 + 0.32 * len(labels), theme)
        panels = figure.subplots(1, len(sources), sharex=True, sharey=True, squeeze=False)[0]
        for axes, source in zip(panels, sources, strict=True):
            measured = {label(row): row for row in rows if row["source"] == source}
            for y, name in enumerate(labels):
                if name not in measured:
                    axes.text(0.01 * end, y, "not measured", va="center", fontsize=SMALL, color=theme.ink, alpha=0.8)
                    continue
                row = measured[name]
                wer, low, high = (100 * row[key] for key in ("wer", "low", "high"))
                axes.barh(y, wer, height=0.62, color=colours[row["system"]])
                axes.errorbar(wer, y, xerr=[[wer - low], [high - wer]], color=theme.ink, linewidth=1, capsize=2.5)
                axes.text(high + 0.02 * end, y, f"{wer:.1f}", va="center", fontsize=SMALL, color=theme.ink)
            axes.set(xlim=(0, 1.14 * end), xlabel="word error rate, %")
            axes.set_yticks(range(len(labels)), [plain(name) for name in labels])
            dress(axes, theme, source, "x")
            axes.tick_params(axis="y", length=0)
        panels[0].invert_yaxis()
        return figure

    said = "; ".join(f"{label(r)} on {r['source']} {interval(r | {'value': r['wer']})}" for r in rows)
    return picture(
        draw,
        name="words",
        title="Word error rate: the shorter the bar, the more words survive",
        alt=f"Bars of word error rates. {said}.",
        caption="Lines are 95 % intervals over speakers. “Text” is read from the codes, without any sound.",
    )


def tradeoff_picture(result: Result) -> Picture | None:
    """What the best attacker learns against words lost, one panel for each attribute; None if nothing has both."""
    panels = {attribute: _tradeoffs(result, attribute) for attribute in ATTRIBUTES}
    panels = {attribute: points for attribute, points in panels.items() if points}
    if not panels:
        return None
    every = [point for points in panels.values() for point in points]
    above = all(point["above"] is not None for point in every)
    systems = [s for s in systems_of(result) if any(point["system"] == s for point in every)]
    sources = unique(point["source"] for point in every)
    markers = {source: MARKERS[i % len(MARKERS)] for i, source in enumerate(sources)}

    def draw(theme: Theme) -> Figure:
        colours = system_colours(systems_of(result), theme)
        figure = new_figure(0.7 + 3.3 * len(panels), 3.9, theme)
        for axes, (attribute, points) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for point in points:
                x = 100 * (point["above"] if above else point["wer"])
                y, low, high = (100 * value for value in point["privacy"])
                axes.errorbar(
                    x, y, yerr=[[y - low], [high - y]], color=colours[point["system"]], alpha=0.45, linewidth=1
                )
                style = {"color": colours[point["system"]], "markersize": 7, "markeredgecolor": theme.paper}
                axes.plot(x, y, markers[point["source"]], markeredgewidth=0.7, **style)
            _privacy_axis(axes, attribute, theme)
            axes.set_xlabel("WER, points above raw speech" if above else "WER, %")
            dress(axes, theme, attribute, "both")
        people = [Patch(color=colours[s], label=plain(s)) for s in systems]
        places = [Line2D([], [], color=theme.ink, marker=markers[s], linestyle="", label=plain(s)) for s in sources]
        legend(figure, theme, handles=people + places, loc="outside lower center", ncols=min(len(people + places), 6))
        return figure

    words = "; ".join(
        f"{p['system']}, {attribute} on {p['source']}: WER {per_cent(p['wer'])} %, {p['figure']}"
        for attribute, points in panels.items()
        for p in points
    )
    return picture(
        draw,
        name="privacy-and-words",
        title="Up is private, left is intelligible",
        alt=f"Scatter of the best attacker's figure against word error rate. {words}.",
        caption=(
            "The best attacker of each system and source, with its 95 % interval; on the dashed line it only "
            "guesses. The word error rate is the lowest of the system's paths, on the same source or, where that has "
            f"no transcripts, on {result['utility'][0]['source']}."
        ),
    )


def _tradeoffs(result: Result, attribute: str) -> list[Row]:
    """Verdicts on an attribute that have a figure, each with the words that its system leaves."""
    points = []
    for verdict in result["verdicts"]:
        best = verdict["best"]
        if verdict["attribute"] != attribute or best is None:
            continue
        system, source = verdict["system"], verdict["source"]
        heard = least_wer(result, system, source)
        if heard is None and result["utility"]:
            heard = least_wer(result, system, result["utility"][0]["source"])
        if heard is None:
            continue
        values = [best[key] if best[key] is not None else best["value"] for key in ("value", "low", "high")]
        raw = least_wer(result, "raw", heard["source"])
        points.append(
            {
                "system": system,
                "source": source,
                "wer": heard["wer"],
                "above": heard["wer"] - raw["wer"] if raw else None,
                "privacy": values
                if attribute == "identity"
                else [gain(attribute, verdict["chance"], v) for v in values],
                "figure": f"{verdict['unit']} {interval(best)}",
            }
        )
    return points


def _privacy_axis(axes: Axes, attribute: str, theme: Theme) -> None:
    """Up is more private: of the EER more, of an attribute's gain over chance less. Guessing is a dashed line."""
    identity = attribute == "identity"
    axes.axhline(50 if identity else 0, color=theme.ink, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylabel(_AXES[attribute])
    low, high = axes.get_ylim()
    axes.set_ylim((0, max(high, 53)) if identity else (high, min(low, -4)))
