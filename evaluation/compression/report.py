"""The rows as a page of Markdown and a picture: agreement against bytes, measured against predicted speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgy_tf.demo.figures import Theme
from evaluation.compression.rows import FLOAT, SECONDS, Row
from evaluation.report.markdown import table
from evaluation.report.style import NORMAL, PALETTE, Picture, dress, name_point, new_figure, picture
from evaluation.stages import StageCost
from evaluation.utility import Utility

HEAD = ("variant", "codes as float32, %")
COSTS = (
    "kB",
    "kB zipped",
    "zipped, of float32",
    "MMAC/s",
    "speed-up, predicted",
    "speed-up, measured",
    "ms per second",
    "minutes",
)


def page(
    rows: Sequence[Row],
    words: Mapping[str, Sequence[Utility]],
    times: Mapping[str, StageCost],
    release: str,
    command: str,
    machine: str,
) -> str:
    """The page, beside which ``compression.png`` lies.

    Args:
        rows: ``float32`` first.
        words: by variant, one of each source.
        times: by variant, all of one run.
        release: that was compressed (``Release.title``).
        command: that writes the page.
        machine: that it was measured on.
    """
    made = [row for row in rows if not row.reason]
    baseline = made[0]
    lines = [[*_cells(row, baseline, words, times)] for row in made]
    parts = [
        f"# Every recipe on {release}",
        f"Written by `{command}` on {machine}. Run it again and it goes on where it was stopped.",
        "![Agreement against bytes, and measured against predicted speed](compression.png)",
        table([*HEAD, *(f"WER, {heard.source}, %" for heard in words[baseline.variant]), *COSTS], lines),
        words_read(words[baseline.variant]) + _LEGEND,
        "## What the recipes do",
        table(["variant", "what", "SHA-256 of the file"], [[r.variant, r.about, f"`{r.sha256[:16]}`"] for r in made]),
        "Each follows from its recipe and seed alone: the command with `--recipes NAME` and another `--work` makes the "
        "same file again, bit for bit, on the same processor with the same packages.",
    ]
    if failed := [row for row in rows if row.reason]:
        parts += ["## Not made", table(["variant", "what", "why"], [[r.variant, r.about, r.reason] for r in failed])]
    return "\n\n".join(parts) + "\n"


def _cells(
    row: Row, baseline: Row, words: Mapping[str, Sequence[Utility]], times: Mapping[str, StageCost]
) -> list[str]:
    cost, before = times[row.variant], times[baseline.variant]
    return [
        row.variant,
        f"{100 * row.agreement:.1f}",
        *words_cells(words[row.variant]),
        f"{row.size / 1e3:,.0f}",
        f"{row.zipped / 1e3:,.0f}",
        f"1/{baseline.zipped / row.zipped:.1f}",
        f"{row.macs / 1e6:.1f}",
        f"{baseline.macs / row.macs:.2f}",
        f"{before.cpu_s / cost.cpu_s:.2f}",
        f"{1e3 * cost.cpu_s / SECONDS:.2f}",
        f"{row.seconds / 60:.1f}" if row.seconds else "–",
    ]


def words_cells(heard: Sequence[Utility]) -> list[str]:
    """Word error rates in percent with their intervals, one of each source."""
    return [f"{100 * w.wer:.1f} ({100 * w.low:.0f} to {100 * w.high:.0f})" for w in heard]


def words_read(heard: Sequence[Utility]) -> str:
    """How words were read; a sentence with a space behind it."""
    sources = " and ".join(f"{w.utterances} utterances of {w.speakers} speakers of {w.source}" for w in heard)
    return (
        f"WER: {heard[0].recogniser} reads the codes of {sources} through the release's decoder; the 95 % interval is "
        "over speakers, and they are not the utterances that agreement is measured on. "
    )


_LEGEND = (
    "Codes: of 20 utterances of held-out speakers, against Keras in float32. Zipped: by gzip. MMAC/s: of "
    "the encoder, per second of audio; zeros are multiplied too. Speed-up predicted: from them alone, without what "
    "int8 brings; measured: of log-mel to codes on one x86 thread by ai-edge-litert, all variants in one run, "
    "CPU time, median of the runs. Minutes: of CPU, for fine-tuning and conversion."
)


def draw(rows: Sequence[Row], times: Mapping[str, StageCost]) -> Picture:
    """Agreement against zipped size, and measured against predicted speed-up, a point for each variant."""
    made = [row for row in rows if not row.reason]
    baseline = made[0]
    before = times[baseline.variant].cpu_s

    def figure(theme: Theme) -> Figure:
        drawn = new_figure(10.5, 4.8, theme)
        codes, speed = drawn.subplots(1, 2)
        sizes: dict[str, tuple[float, float]] = {}
        speeds: dict[str, tuple[float, float]] = {}
        for row in made:
            colour = _colour(row.variant, theme)
            sizes[row.variant] = row.zipped / 1e3, 100 * row.agreement
            speeds[row.variant] = baseline.macs / row.macs, before / times[row.variant].cpu_s
            codes.plot(*sizes[row.variant], "o", color=colour, markersize=5)
            speed.plot(*speeds[row.variant], "o", color=colour, markersize=5)
        _name(codes, sizes, lambda kb, share: (round(16 * math.log10(kb)), round(share / 1.5)), theme)
        _name(speed, speeds, lambda predicted, found: (round(predicted, 1), round(4 * math.log10(found))), theme)
        codes.set(xlabel="kB zipped", ylabel="codes as float32, %", xscale="log")
        top = max(baseline.macs / row.macs for row in made)
        speed.plot([1, top], [1, top], color=theme.ink, alpha=0.4, linewidth=1, linestyle="--")
        speed.set(xlabel="speed-up predicted from MACs", ylabel="measured", yscale="log")
        dress(codes, theme, "Codes against bytes", grid="both")
        dress(speed, theme, "Speed against arithmetic", grid="both")
        drawn.supxlabel(_KEY, fontsize=NORMAL, color=theme.ink)
        return drawn

    return picture(
        figure,
        name="compression",
        title="Codes against bytes, speed against arithmetic",
        alt="; ".join(f"{r.variant}: {100 * r.agreement:.1f} % at {r.zipped / 1e3:,.0f} kB" for r in made),
        caption=_KEY,
    )


def _name(
    axes: Axes, places: Mapping[str, tuple[float, float]], cell: Callable[[float, float], object], theme: Theme
) -> None:
    """Names beside points; those in one cell would hide each other, so only the first is named, and how many more."""
    together: dict[object, list[str]] = {}
    for variant, place in places.items():
        together.setdefault(cell(*place), []).append(variant)
    for names in together.values():
        name_point(axes, places[names[0]], names, theme.ink)


_FAMILIES = (("PF", "filters"), ("MS", "sparse"), ("RBS", "sparse"), ("sparsity", "sparse"), ("clusters", "clusters"))
_COLOURS = {"filters": PALETTE[2], "sparse": PALETTE[1], "clusters": PALETTE[4], "int8 and mixed": PALETTE[0]}
_KEY = "green: fewer filters; orange: zeros; pink: shared values; blue: other numbers, alone or after those"


def _colour(variant: str, theme: Theme) -> str:
    if variant == FLOAT:
        return theme.ink
    family = next((name for start, name in _FAMILIES if variant.startswith(start)), "int8 and mixed")
    return _COLOURS[family]
