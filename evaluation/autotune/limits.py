"""What a variant must keep to, what was measured of one, and which of several is the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Measures:
    """What was measured of a variant.

    Attributes:
        agreement: share of the codes of held-out speakers, 0 to 1, that are the uncompressed network's.
        size: bytes of its file.
        zipped: bytes of its file after gzip.
        macs: multiply-accumulates per second of audio; zeros are multiplied too.
        ms: CPU time, in milliseconds, of one thread here for a second of audio.
        sha256: of its file.
        instructions: of an emulated Cortex-A72 for a second of audio; None if they were not asked for.
        wer_rise: by how much its word error rate, a fraction, lies above that of the release's float32 encoder; None
            if it was not asked for, or the variant missed other limits before.
        leak_rise: see `evaluation.autotune.leak.Leak.rise`; None for the same reasons.
    """

    agreement: float
    size: int
    zipped: int
    macs: float
    ms: float
    sha256: str
    instructions: int | None = None
    wer_rise: float | None = None
    leak_rise: float | None = None


@dataclass(frozen=True)
class Unit:
    """How a limit is spoken of.

    Attributes:
        option: its name in `Limits`.
        measure: the attribute of `Measures`.
        scale: from the measure to what is shown.
        text: of the figure, and its unit.
        least: whether the limit is the least that is allowed, not the most.
        relative: whether a miss is counted in shares of the limit; those of fractions are differences.
    """

    option: str
    measure: str
    scale: float
    text: str
    least: bool = False
    relative: bool = False

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return f"--{self.option.replace('_', '-')}"

    def show(self, value: float) -> str:
        """A figure with its unit."""
        return self.text.format(self.scale * value)


# The cheap ones first; the others are measured only of what meets these.
UNITS = (
    Unit("max_size", "size", 1e-6, "{:.3f} MB", relative=True),
    Unit("max_ms", "ms", 1, "{:.2f} ms", relative=True),
    Unit("max_instructions", "instructions", 1e-6, "{:.1f} M instructions", relative=True),
    Unit("min_agreement", "agreement", 100, "{:.1f} %", least=True),
    Unit("max_wer_rise", "wer_rise", 100, "{:+.1f} points"),
    Unit("max_leak_rise", "leak_rise", 100, "{:+.1f} points"),
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a variant must keep to; None where all is allowed. Fractions and units are those of `Measures`."""

    max_size: int | None = None
    max_ms: float | None = None
    max_instructions: int | None = None
    min_agreement: float | None = None
    max_wer_rise: float | None = None
    max_leak_rise: float | None = None

    def excess(self, measures: Measures) -> dict[str, float]:
        """By how much each limit is missed, above 0, or kept, by name; those not measured are left out."""
        found = {}
        for unit in UNITS:
            limit, value = getattr(self, unit.option), getattr(measures, unit.measure)
            if limit is not None and value is not None:
                beyond = limit - value if unit.least else value - limit
                found[unit.option] = float(beyond / limit if unit.relative else beyond)
        return found

    def misses(self, measures: Measures) -> str:
        """What is missed and by how much, in words; empty if nothing is."""
        said = []
        for unit in UNITS:
            if unit.option in self.missed(measures):
                limit, value = getattr(self, unit.option), getattr(measures, unit.measure)
                by = unit.show(abs(value - limit)).lstrip("+")
                said.append(f"{unit.flag} by {by} ({unit.show(value)}, limit {unit.show(limit)})")
        return " and ".join(said)

    def missed(self, measures: Measures) -> list[str]:
        """Names of the limits that are missed."""
        return [name for name, beyond in self.excess(measures).items() if beyond > 0]

    def met(self, measures: Measures) -> bool:
        """Whether every limit was measured and is kept."""
        asked = sum(getattr(self, field.name) is not None for field in fields(self))
        return len(self.excess(measures)) == asked and not self.missed(measures)

    def distance(self, measures: Measures) -> float:
        """Sum of all misses."""
        return sum(max(0.0, beyond) for beyond in self.excess(measures).values())


def best(candidates: Sequence[Measures], limits: Limits) -> int | None:
    """The place of the winner: of what meets the limits, the one of the highest agreement.

    Where the codes are limited and no cost is, that would be the one that was hardly compressed: then the smallest
    after gzip wins. None if nothing meets the limits.
    """
    small = limits.max_size is limits.max_ms is limits.max_instructions is None
    small &= (limits.min_agreement, limits.max_wer_rise) != (None, None)

    def rank(place: int) -> tuple[float, ...]:
        m = candidates[place]
        return (-m.zipped, m.agreement, -m.ms) if small else (m.agreement, -m.zipped, -m.ms)

    return max((i for i, m in enumerate(candidates) if limits.met(m)), key=rank, default=None)


def pareto(candidates: Sequence[Measures]) -> list[bool]:
    """Of which no other is at least as good in agreement, zipped size and time, and better in one of them."""
    points = [(-m.agreement, m.zipped, m.ms) for m in candidates]

    def beaten(p: tuple[float, ...]) -> bool:
        return any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)

    return [not beaten(p) for p in points]
