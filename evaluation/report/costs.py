"""The report's figures of what is spent: bits on the wire, time and memory on the device."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from edgy_tf.demo.figures import Theme
from evaluation.report.lookup import Result, systems_of, unique
from evaluation.report.paper import FIGURE_4
from evaluation.report.style import PALETTE, SMALL, Picture, dress, legend, new_figure, picture, plain, system_colours


def bits_picture(result: Result) -> Picture | None:
    """Bits per second of each system on a logarithmic axis; None if there are none."""
    rows = result["bits"]
    if not rows:
        return None
    systems = [s for s in systems_of(result) if any(row["system"] == s for row in rows)]
    sources = unique(row["source"] for row in rows)

    def draw(theme: Theme) -> Figure:
        colours = system_colours(systems_of(result), theme)
        figure = new_figure(6.6, 1.0 + 0.32 * len(systems), theme)
        axes = figure.subplots()
        axes.set_xscale("log")
        for y, system in enumerate(systems):
            rates = [row["bits_per_s"] for row in rows if row["system"] == system]
            axes.plot(rates, [y] * len(rates), "o", color=colours[system], markersize=6.5, alpha=0.85)
            axes.text(1.13 * max(rates), y, _span(rates), va="center", fontsize=SMALL, color=theme.ink)
        rates = [row["bits_per_s"] for row in rows]
        axes.set(xlim=(min(rates) / 1.6, 4 * max(rates)), xlabel="bits per second of speech, logarithmic")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(range(len(systems)), [plain(system) for system in systems])
        axes.set_ylim(len(systems) - 0.5, -0.5)
        dress(axes, theme, grid="x")
        axes.tick_params(axis="y", length=0)
        return figure

    said = "; ".join(f"{s} {_span([row['bits_per_s'] for row in rows if row['system'] == s])}" for s in systems)
    return picture(
        draw,
        name="bits",
        title="What leaves the device, in bits per second",
        alt=f"Bits per second on a logarithmic axis. {said}.",
        caption=f"One dot for each source: {', '.join(sources)}.",
    )


def _span(rates: list[float]) -> str:
    low, high = f"{min(rates):,.0f}", f"{max(rates):,.0f}"
    return low if low == high else f"{low} to {high}"


def time_picture(result: Result) -> Picture | None:
    """Wall and CPU time of each stage with 95th percentiles, as in the paper's figures 4 to 6; None without costs."""
    return _cost_picture(
        result,
        panels=(
            ("wall time, ms", "wall_s", "wall_p95_s", 1e3),
            ("CPU time of all threads, ms", "cpu_s", "cpu_p95_s", 1e3),
        ),
        name="time",
        title="Time of each stage of the encoder (the paper's Figures 4 to 6)",
        note=(
            "Bars are medians, lines reach to the 95th percentile. The time of encode holds the front end inside the "
            "model; front_end is the NumPy one, for scale."
        ),
        totals="; ".join(f"{place}: {seconds} s" for place, (seconds, _) in FIGURE_4.items()),
    )


def memory_picture(result: Result) -> Picture | None:
    """Memory of each stage, the process's and Python's own, as in the paper's figure 4; None without costs."""
    return _cost_picture(
        result,
        panels=(("peak RSS, MB", "peak_rss_bytes", None, 1e-6), ("Python's peak, MB", "python_peak_bytes", None, 1e-6)),
        name="memory",
        title="Memory of each stage of the encoder",
        note=(
            "Left, the most that the process ever held: Python, NumPy, runtime, model. Right, what Python allocated in "
            "one run more, which is what the paper reports."
        ),
        totals="; ".join(f"{place}: {megabytes} MB" for place, (_, megabytes) in FIGURE_4.items()),
    )


def _cost_picture(
    result: Result,
    panels: tuple[tuple[str, str, str | None, float], ...],
    name: str,
    title: str,
    note: str,
    totals: str,
) -> Picture | None:
    costs = result["cost"]
    if not costs:
        return None
    stages = [stage["stage"] for stage in costs[0]["stages"]]
    names = [f"{c['variant']}, {c['num_threads']} thread{'s' * (c['num_threads'] > 1)}" for c in costs]

    def draw(theme: Theme) -> Figure:
        figure = new_figure(8.6, 3.3, theme)
        for axes, (label, key, whisker, scale) in zip(figure.subplots(1, len(panels)), panels, strict=True):
            width = 0.8 / len(costs)
            for i, (cost, who) in enumerate(zip(costs, names, strict=True)):
                for x, stage in enumerate(cost["stages"]):
                    place, value = x + (i + 0.5) * width - 0.4, scale * stage[key]
                    top = scale * stage[whisker] if whisker else value
                    colour = PALETTE[i % len(PALETTE)]
                    axes.bar(place, value, 0.9 * width, color=colour, label=plain(who) if x == 0 else None)
                    if whisker:
                        line = {"color": theme.ink, "linewidth": 1, "marker": "_", "markevery": [1]}
                        axes.plot([place, place], [value, top], **line)
                    text = f"{value:.3g}"
                    axes.annotate(text, (place, max(top, value)), (0, 3), textcoords="offset points", ha="center",
                                  fontsize=SMALL, color=theme.ink)  # fmt: skip
            axes.set_xticks(range(len(stages)), stages)
            axes.set_ylabel(label)
            axes.margins(y=0.12)
            dress(axes, theme, grid="y")
            axes.tick_params(axis="x", length=0)
        handles, labels = axes.get_legend_handles_labels()
        legend(figure, theme, handles=handles, labels=labels, loc="outside lower center", ncols=len(costs))
        return figure

    said = "; ".join(
        f"{who}, {stage['stage']}: " + ", ".join(f"{label} {scale * stage[key]:.3g}" for label, key, _, scale in panels)
        for cost, who in zip(costs, names, strict=True)
        for stage in cost["stages"]
    )
    return picture(
        draw,
        name=name,
        title=title,
        alt=f"Bars for each stage and number of threads. {said}.",
        caption=(
            f"{costs[0]['audio_s']:g} s of audio, {costs[0]['num_runs']} runs. {note} All stages in the paper, of "
            f"recordings whose length it does not give: {totals}."
        ),
    )
