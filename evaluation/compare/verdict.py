"""When to choose which, in plain sentences that follow from the figures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, geometric_mean

from evaluation.compare.matrix import EDGY, NNCF
from evaluation.compare.results import LEFT, SHRUNK, Result

GOOD = 0.9
"""Share of equal codes from which on a variant is recommended, as `converters.report` demands of int8."""
EQUAL = 0.01
"""Shares of equal codes that are no further apart are called equal."""


def verdict(results: Sequence[Result]) -> list[str]:
    """Sentences: what suits which need, then tool against tool by family, then what NNCF's masks cost.

    Args:
        results: the release itself first.
    """
    baseline, *others = results
    made = [r for r in others if r.made]
    if not made:
        return ["Nothing could be made, so there is nothing to choose."]
    return [*_needs(baseline, made), *_tools(made), *_masks(baseline, made), *_failures(others)]


def _needs(baseline: Result, made: Sequence[Result]) -> list[str]:
    good = [r for r in made if r.row.agreement >= GOOD]
    best = max(made, key=lambda r: r.row.agreement)
    if not good:
        return [
            f"After so few steps no variant keeps {100 * GOOD:.0f} % of the codes; nearest is {_name(best)} with "
            f"{_share(best)}. Give the students more steps before you choose."
        ]
    whole = baseline.row
    small = min(good, key=lambda r: r.row.zipped)
    wants: list[tuple[str, Result, str]] = [
        ("the fewest bytes to send", small, f"{small.row.zipped / 1e3:,.0f} kB zipped of {whole.zipped / 1e3:,.0f}"),
        ("the most of the codes", best, f"{best.row.size / 1e3:,.0f} kB of {whole.size / 1e3:,.0f}"),
    ]
    if all(r.cost for r in good):
        fast = min(good, key=lambda r: r.cost.cpu_s if r.cost else 0.0)
        assert fast.cost
        assert baseline.cost
        times = baseline.cost.cpu_s / fast.cost.cpu_s
        wants.append(("the least time on x86", fast, f"{times:.1f} times as fast as float32"))
    if all(r.instructions for r in [baseline, *good]):
        lean = min(good, key=lambda r: r.instructions or 0)
        share = (lean.instructions or 0) / (baseline.instructions or 1)
        wants.append(("the least work on a Raspberry Pi 4", lean, f"{100 * share:.0f} % of float32's instructions"))
    return [f"For {want} choose {_name(r)}: {figure}, {_share(r)} of the codes." for want, r, figure in wants]


def _tools(made: Sequence[Result]) -> list[str]:
    sentences = []
    for family in dict.fromkeys(r.family for r in made):
        pairs = _pairs([r for r in made if r.family == family])
        if not pairs:
            continue
        ours, theirs = (fmean(r.row.agreement for r in side) for side in zip(*pairs, strict=True))
        size = _ratio(pairs, lambda r: r.row.zipped)
        work = _ratio(pairs, lambda r: r.row.seconds)
        better = "the same from both" if abs(ours - theirs) <= EQUAL else f"more from {EDGY if ours > theirs else NNCF}"
        # Two tools may take the same rate for different amounts.
        amount = ""
        if "sparsity" in family:
            zeros = [fmean(r.row.zeros for r in side) for side in zip(*pairs, strict=True)]
            amount = f", with {100 * zeros[0]:.0f} and {100 * zeros[1]:.0f} % of the weights at zero"
        elif "filters" in family:
            macs = [fmean(r.row.macs for r in side) / 1e6 for side in zip(*pairs, strict=True)]
            amount = f", at {macs[0]:.1f} and {macs[1]:.1f} MMAC/s"
        sentences.append(
            f"{family.capitalize()}, {len(pairs)} recipe{'s' * (len(pairs) > 1)} by both tools: {better}, "
            f"{100 * ours:.1f} % of the codes from {EDGY} and {100 * theirs:.1f} % from {NNCF}{amount}; "
            f"{NNCF}'s file is {size:.2f} times as large zipped and takes {work:.2f} times the CPU time."
        )
    return sentences


def _masks(baseline: Result, made: Sequence[Result]) -> list[str]:
    left = [r for r in made if r.form == LEFT]
    if not left:
        return []
    work = fmean(r.row.macs for r in left) / baseline.row.macs
    shapes = (
        f"Filters that {NNCF} prunes are zeros in a network of the same shape: as it leaves them, the files need "
        f"{100 * work:.0f} % of float32's multiplications"
    )
    if not (narrow := [r for r in made if r.tool == NNCF and r.form == SHRUNK]):
        return [f"{shapes}."]
    work = fmean(r.row.macs for r in narrow) / baseline.row.macs
    return [f"{shapes}; with the zeros removed, which is not the tool's work, {100 * work:.0f} %."]


def _failures(results: Sequence[Result]) -> list[str]:
    failed = [_name(r) for r in results if not r.made]
    return [f"Not made, see below: {', '.join(failed)}."] if failed else []


def _pairs(results: Sequence[Result]) -> list[tuple[Result, Result]]:
    """Ours and NNCF's by the same recipe, in the form that computes the same: without the filters that are zero."""
    ours = {r.recipe: r for r in results if r.tool == EDGY}
    theirs = {r.recipe: r for r in results if r.tool == NNCF and r.form != LEFT}
    return [(ours[recipe], theirs[recipe]) for recipe in ours if recipe in theirs]


def _ratio(pairs: Sequence[tuple[Result, Result]], figure: Callable[[Result], float]) -> float:
    """NNCF's over ours, on average."""
    return geometric_mean([max(figure(theirs), 1e-9) / max(figure(ours), 1e-9) for ours, theirs in pairs])


def _name(result: Result) -> str:
    return f"`{result.row.variant}` ({result.tool})"


def _share(result: Result) -> str:
    return f"{100 * result.row.agreement:.1f} %"
