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
ALIKE = 1.05
"""Costs whose ratio is no larger are called equal: times of one network vary as much."""
EQUALLY = "both"
FAMILIES = (
    "family",
    "recipes",
    f"codes from {EDGY}, %",
    f"from {NNCF}, %",
    "more from",
    f"left by {EDGY} and {NNCF}",
    f"{NNCF}'s bytes zipped, of {EDGY}'s",
    f"{NNCF}'s CPU time, of {EDGY}'s",
)


def verdict(results: Sequence[Result]) -> list[str]:
    """Sentences: what suits which need, which tool is ahead with what, what words say, and what NNCF's masks cost.

    Args:
        results: the release itself first.
    """
    baseline, *others = results
    made = [r for r in others if r.made]
    if not made:
        return ["Nothing could be made, so there is nothing to choose."]
    return [
        *_needs(baseline, made),
        *_tools(made),
        *_words(baseline, made),
        *_masks(baseline, made),
        *_failures(others),
    ]


def _needs(baseline: Result, made: Sequence[Result]) -> list[str]:
    good = [r for r in made if r.row.agreement >= GOOD]
    best = max(made, key=lambda r: r.row.agreement)
    if not good:
        return [
            f"After so few steps no variant keeps {100 * GOOD:.0f} % of the codes; nearest is {_name(best)} with "
            f"{_share(best)}. Give the students more steps before you choose."
        ]
    whole = baseline.row
    small = _least(good, lambda r: r.row.zipped)
    wants: list[tuple[str, Result, str]] = [
        ("the fewest bytes to send", small, f"{small.row.zipped / 1e3:,.0f} kB zipped of {whole.zipped / 1e3:,.0f}"),
        ("the most of the codes", best, f"{best.row.zipped / 1e3:,.0f} kB zipped"),
    ]
    if all(r.cost for r in [baseline, *good]):
        fast = _least(good, _seconds)
        wants.append(
            ("the least time on x86", fast, f"{_seconds(baseline) / _seconds(fast):.1f} times as fast as float32")
        )
    if all(r.instructions for r in [baseline, *good]):
        lean = _least(good, _instructions)
        share = _instructions(lean) / _instructions(baseline)
        wants.append(("the least work on a Raspberry Pi 4", lean, f"{100 * share:.0f} % of float32's instructions"))
    return [f"For {want} choose {_name(r)}: {figure}, {_share(r)} of the codes." for want, r, figure in wants]


def _least(results: Sequence[Result], figure: Callable[[Result], float]) -> Result:
    """Of those that cost as good as the least, what has most of the codes."""
    limit = ALIKE * min(map(figure, results))
    return max((r for r in results if figure(r) <= limit), key=lambda r: r.row.agreement)


def _tools(made: Sequence[Result]) -> list[str]:
    more: dict[str, list[str]] = {EDGY: [], NNCF: [], EQUALLY: []}
    for family, pairs in _families(made).items():
        more[_better(pairs)].append(family)
    ways = {
        f"{EDGY} keeps more of the codes": more[EDGY],
        f"{NNCF} does": more[NNCF],
        f"Both keep the same, within {100 * EQUAL:.0f} % of the codes,": more[EQUALLY],
    }
    found = [f"{what} with {'; '.join(families)}" for what, families in ways.items() if families]
    return [f"By the same recipe, steps and data: {'. '.join(found)}."] if found else []


def tool_against_tool(results: Sequence[Result]) -> list[list[str]]:
    """A row under ``FAMILIES`` for each family of recipes that both tools have followed, averages over recipes."""
    rows = []
    for family, pairs in _families([r for r in results if r.made]).items():
        ours, theirs = zip(*pairs, strict=True)
        # Two tools may take the same rate for different amounts.
        zeros, macs = ([fmean(of(r) for r in side) for side in (ours, theirs)] for of in (_zeros, _macs))
        amounts = [f"{macs[0]:.1f} and {macs[1]:.1f} MMAC/s"] if "filters" in family else []
        amounts += [f"{zeros[0]:.0f} and {zeros[1]:.0f} % zeros"] if "sparsity" in family else []
        rows.append(
            [
                family,
                str(len(pairs)),
                *(f"{100 * fmean(r.row.agreement for r in side):.1f}" for side in (ours, theirs)),
                _better(pairs),
                *(amounts or ["–"]),
                f"{_ratio(pairs, lambda r: r.row.zipped):.2f}",
                f"{_ratio(pairs, lambda r: r.row.seconds):.2f}",
            ]
        )
    return rows


def _words(baseline: Result, made: Sequence[Result]) -> list[str]:
    heard = [r for r in made if r.words]
    if not heard:
        return []
    outside = [r for r in heard if not _as_well_read(r, baseline)]
    rest = f"; not {', '.join(map(_name, outside))}" if outside else ""
    return [
        f"{len(heard) - len(outside)} of {len(heard)} variants are read as well as float32, with a WER within the "
        f"interval of its own on every source{rest}."
    ]


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


def _families(made: Sequence[Result]) -> dict[str, list[tuple[Result, Result]]]:
    found = {
        family: _pairs([r for r in made if r.family == family]) for family in dict.fromkeys(r.family for r in made)
    }
    return {family: pairs for family, pairs in found.items() if pairs}


def _as_well_read(result: Result, baseline: Result) -> bool:
    return all(b.low <= w.wer <= b.high for b, w in zip(baseline.words, result.words, strict=True))


def _better(pairs: Sequence[tuple[Result, Result]]) -> str:
    lead = fmean(ours.row.agreement - theirs.row.agreement for ours, theirs in pairs)
    return EQUALLY if abs(lead) <= EQUAL else EDGY if lead > 0 else NNCF


def _zeros(result: Result) -> float:
    return 100 * result.row.zeros


def _seconds(result: Result) -> float:
    return result.cost.cpu_s if result.cost else 0.0


def _instructions(result: Result) -> int:
    return result.instructions or 0


def _macs(result: Result) -> float:
    return result.row.macs / 1e6


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
