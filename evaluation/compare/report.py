"""The comparison as a page of Markdown and a picture with the Pareto fronts of both tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from edgy_tf.demo.figures import Theme
from evaluation.compare.matrix import EDGY, NNCF
from evaluation.compare.offers import HEAD as OFFER_HEAD
from evaluation.compare.offers import offers
from evaluation.compare.results import Result
from evaluation.compare.verdict import FAMILIES, tool_against_tool, verdict
from evaluation.compression.report import words_cells, words_read
from evaluation.compression.rows import SECONDS
from evaluation.report.markdown import table
from evaluation.report.style import NORMAL, PALETTE, Picture, dress, legend, name_point, new_figure, picture

HEAD = ("variant", "tool", "form", "codes as float32, %", "latents, dB")
COSTS = (
    "kB",
    "kB zipped",
    "zeros, %",
    "MMAC/s",
    "ms per second, x86",
    "M instructions per second, A72",
    "CPU minutes",
    "lines, settings + code",
)
MARKS = {EDGY: (PALETTE[5], "o"), NNCF: (PALETTE[3], "^")}
BESIDE: dict[str, tuple[tuple[float, float], Literal["left", "right"]]] = {
    EDGY: ((-3, 5), "right"),
    NNCF: ((4, -9), "left"),
}
"""Where names stand: those of one tool not where the other's do."""


def page(results: Sequence[Result], release: str, command: str, machine: str, steps: int, counted: str) -> str:
    """The page, beside which ``compare.png`` lies.

    Args:
        results: the release itself first.
        release: that was compressed (``Release.title``).
        command: that writes the page.
        machine: that it was measured on.
        steps: of fine-tuning, of each recipe in all.
        counted: how instructions were counted, or why not.
    """
    made = [r for r in results if r.made]
    heard = made[0].words
    parts = [
        f"# TF-MOT against NNCF on {release}",
        f"Written by `{command}` on {machine}, after {steps:,} steps of fine-tuning for each recipe, by either tool. "
        "Run it again and it goes on where it was stopped. Ours fits layers to what is left of their weights "
        "[before it learns](compressing.md#before-anything-is-learned); NNCF has nothing of the kind. Recipes "
        "`…_alone` fit nothing with either tool, at learning rates that suit students which start further away.",
        "## When to choose which",
        " ".join(verdict(results)),
        *([table(FAMILIES, rows)] if (rows := tool_against_tool(results)) else []),
        "![Codes against bytes and time, with both tools' Pareto fronts](compare.png)",
        "## Every variant",
        table([*HEAD, *(f"WER, {w.source}, %" for w in heard), *COSTS], [_cells(r) for r in made]),
        f"{words_read(heard)}{_LEGEND} {counted}",
    ]
    if failed := [r for r in results if not r.made]:
        parts += [
            "## Not made",
            table(["variant", "tool", "why"], [[r.row.variant, r.tool, r.row.reason] for r in failed]),
        ]
    parts += ["## Which tool offers what", table(OFFER_HEAD, offers()), _OFFERS]
    return "\n\n".join(parts) + "\n"


_LEGEND = (
    "Codes and latents: of 20 utterances of held-out speakers, against Keras in float32. Zipped: by gzip. MMAC/s: of "
    "the encoder; zeros are multiplied too. NNCF keeps multiples of 8 filters, so it removes fewer than the rate says. "
    "Milliseconds: of log-mel to codes on one x86 thread by ai-edge-litert, all variants in one run, CPU time, median. "
    "CPU minutes: fine-tuning and conversion, without the start of the tool. "
    "Lines: what one writes for the tool alone, counted in this project's sources: the recipe or NNCF's configuration, "
    "and the Python that drives the tool, with the loop and the loss; with `edgy compress` the recipe is all. NNCF's "
    "encoders have had the same batches, steps, seed, loss and optimiser, and come back through the same converter."
)
_OFFERS = (
    "NNCF's TensorFlow half ended with 2.19; with 3.0 went `create_compressed_model`, filter pruning and TensorFlow. "
    "TF-MOT has had no new major version; its 0.8 takes Keras 2 models alone, also under TensorFlow 2.21."
)


def _cells(result: Result) -> list[str]:
    row, cost, lines = result.row, result.cost, result.lines
    return [
        row.variant,
        result.tool,
        result.form,
        f"{100 * row.agreement:.1f}",
        f"{row.snr:.1f}",
        *words_cells(result.words),
        f"{row.size / 1e3:,.0f}",
        f"{row.zipped / 1e3:,.0f}",
        f"{100 * row.zeros:.1f}",
        f"{row.macs / 1e6:.1f}",
        f"{1e3 * cost.cpu_s / SECONDS:.2f}" if cost else "–",
        f"{result.instructions / 1e6:.1f}" if result.instructions else "–",
        f"{row.seconds / 60:.1f}" if row.seconds else "–",
        f"{lines.settings} + {lines.code}" if lines else "–",
    ]


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those of ``points``, cost and gain, that no other one beats in both, by cost."""
    best: list[tuple[float, float]] = []
    for cost, gain in sorted(points, key=lambda p: (p[0], -p[1])):
        if not best or gain > best[-1][1]:
            best.append((cost, gain))
    return best


def draw(results: Sequence[Result]) -> Picture:
    """Agreement against zipped size and against time, a point for each variant and a front for each tool."""
    made = [r for r in results if r.made and r.cost]

    def figure(theme: Theme) -> Figure:
        drawn = new_figure(10.5, 4.8, theme)
        left, right = drawn.subplots(1, 2)
        for axes, cost in ((left, lambda r: r.row.zipped / 1e3), (right, lambda r: 1e3 * r.cost.cpu_s / SECONDS)):
            for tool, (colour, marker) in MARKS.items():
                places = {(cost(r), 100 * r.row.agreement): r.row.variant for r in made if r.tool == tool}
                if not places:
                    continue
                axes.plot(*zip(*places, strict=True), marker, color=colour, markersize=5, label=tool)
                edge = front([*places])
                axes.step(*zip(*edge, strict=True), where="post", color=colour, linewidth=1)
                # The others' names would hide each other; the table has them.
                for group in _together(edge):
                    names = [places[place].removeprefix(f"{NNCF}_") for place in reversed(group)]
                    name_point(axes, group[-1], names, colour, *BESIDE[tool])
            whole = cost(made[0]), 100 * made[0].row.agreement
            axes.plot(*whole, "s", color=theme.ink, markersize=5)
            name_point(axes, whole, [made[0].row.variant], theme.ink, *BESIDE[EDGY])
        left.set(xlabel="kB zipped", ylabel="codes as float32, %", xscale="log")
        right.set(xlabel="ms of one x86 thread per second of audio", ylabel="codes as float32, %", xscale="log")
        for axes in (left, right):
            # Names need room, and readers plain numbers.
            axes.margins(x=0.15)
            axes.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_formatter(ScalarFormatter())
        dress(left, theme, "Codes against bytes", grid="both")
        dress(right, theme, "Codes against time", grid="both")
        legend(left, theme, loc="lower right")
        drawn.supxlabel(_KEY, fontsize=NORMAL, color=theme.ink)
        return drawn

    return picture(
        figure,
        name="compare",
        title="Codes against bytes and time, by tool",
        alt="; ".join(f"{r.row.variant}: {100 * r.row.agreement:.1f} % at {r.row.zipped / 1e3:,.0f} kB" for r in made),
        caption=_KEY,
    )


_KEY = "lines and names: what no other variant of the same tool beats in both"


def _together(edge: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Points of a front in lists, those in one whose names would hide each other."""
    groups: list[list[tuple[float, float]]] = []
    for place in edge:
        if groups and place[0] < 1.05 * groups[-1][-1][0] and place[1] < groups[-1][-1][1] + 2:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups
