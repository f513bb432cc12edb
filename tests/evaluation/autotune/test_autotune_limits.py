"""Limits: what is missed and by how much, which trial wins, and which are beaten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.autotune.limits import Limits, Measures, best, pareto

ONE = Measures(agreement=0.95, size=600_000, zipped=400_000, macs=5e7, ms=2.0, sha256="", instructions=40_000_000)


@pytest.mark.parametrize(
    ("limits", "missed", "by"),
    [
        (Limits(max_size=600_000), [], 0.0),
        (Limits(max_size=500_000), ["max_size"], 0.2),
        (Limits(max_ms=1.6), ["max_ms"], 0.25),
        (Limits(max_instructions=40_000_000), [], 0.0),
        (Limits(max_instructions=32_000_000), ["max_instructions"], 0.25),
        (Limits(min_agreement=0.95), [], 0.0),
        (Limits(min_agreement=0.97, max_ms=1.6), ["max_ms", "min_agreement"], 0.27),
    ],
)
def test_a_limit_is_met_at_its_very_value(limits: Limits, missed: list[str], by: float) -> None:
    assert limits.missed(ONE) == missed
    assert limits.distance(ONE) == pytest.approx(by)
    assert limits.met(ONE) == (not missed)


def test_what_was_not_measured_is_not_met() -> None:
    limits = Limits(max_size=600_000, max_wer_rise=0.02, max_leak_rise=0.0)
    assert not limits.missed(ONE)
    assert not limits.met(ONE)
    assert not limits.met(replace(ONE, wer_rise=0.01))
    assert not Limits(max_instructions=10**9).met(replace(ONE, instructions=None))
    assert not limits.met(replace(ONE, wer_rise=0.01, leak_rise=0.001))
    assert limits.met(replace(ONE, wer_rise=0.01, leak_rise=0.0))


def test_agreement_wins_where_a_cost_is_limited_and_size_where_the_codes_are() -> None:
    small = replace(ONE, agreement=0.9, zipped=100_000)
    large = replace(ONE, agreement=0.99, size=3_000_000, zipped=2_900_000)
    assert best([small, ONE, large], Limits(max_size=600_000)) == 1
    assert best([small, ONE, large], Limits(min_agreement=0.95)) == 1
    assert best([small, ONE, large], Limits(min_agreement=0.5)) == 0
    assert best([small, ONE, large], Limits(max_leak_rise=0.0)) is None
    assert best([replace(m, leak_rise=0.0) for m in (small, ONE, large)], Limits(max_leak_rise=0.0)) == 2
    assert best([small, ONE, large], Limits(max_ms=1)) is None
    quick = replace(small, instructions=20_000_000)
    assert best([quick, ONE, large], Limits(min_agreement=0.5, max_instructions=40_000_000)) == 2
    assert best([quick, ONE, large], Limits(max_instructions=20_000_000)) == 0


points = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@given(st.lists(points, min_size=1, max_size=12))
def test_the_front_beats_everything_that_is_not_on_it(drawn: list[tuple[int, int, int]]) -> None:
    candidates = [replace(ONE, agreement=-a, zipped=z, ms=t) for a, z, t in drawn]
    front = pareto(candidates)
    on = [p for p, there in zip(drawn, front, strict=True) if there]
    assert on
    for p, there in zip(drawn, front, strict=True):
        beaten = any(q != p and q[0] <= p[0] and q[1] <= p[1] and q[2] <= p[2] for q in on)
        assert beaten != there
