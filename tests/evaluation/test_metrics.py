"""The figures against values known in closed form, or by a slower way."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score

from edgy_tf.errors import CorpusError
from evaluation.metrics import (
    balanced_accuracy,
    bootstrap,
    cllr,
    d_sys,
    equal_error_rate,
    min_cllr,
    min_dcf,
    uar,
)

RNG = np.random.default_rng(0)
TARGET, NONTARGET = RNG.normal(2, 1, 20000), RNG.normal(0, 1, 30000)
APART = np.arange(100.0) + 1000, np.arange(200.0)


def test_eer_of_gaussians() -> None:
    assert equal_error_rate(TARGET, NONTARGET) == pytest.approx(norm.cdf(-1), abs=0.004)


def test_eer_interpolates_the_roc() -> None:
    # (P_miss, P_fa) as the threshold rises: (0, 1), (0, 2/3), (1/2, 1/3), (1/2, 0), (1, 0).
    # The second line, (0, 2/3) to (1/2, 1/3), meets the diagonal at 0.4.
    assert equal_error_rate([1, 2], [0, 1, 1.5]) == pytest.approx(0.4)


def test_eer_at_the_ends() -> None:
    assert equal_error_rate(*APART) == 0
    assert equal_error_rate(*APART[::-1]) == 1
    assert equal_error_rate([3, 3], [3, 3, 3]) == 0.5


def test_min_dcf() -> None:
    grid = np.linspace(-4, 6, 2001)
    exact = np.min(0.05 * norm.cdf(grid, 2) + 0.95 * norm.sf(grid)) / 0.05
    assert min_dcf(TARGET, NONTARGET) == pytest.approx(exact, abs=0.01)
    assert min_dcf(*APART) == 0
    assert min_dcf(*APART[::-1]) == 1
    cheap_miss = min_dcf(TARGET, NONTARGET, p_target=0.5, cost_miss=0.1)
    assert cheap_miss == pytest.approx(min_dcf(TARGET, NONTARGET, p_target=1 / 11), abs=1e-9)


def test_cllr_of_calibrated_scores() -> None:
    # For N(2, 1) against N(0, 1) the log-likelihood ratio of s is 2 s - 2.
    llrs = 2 * TARGET - 2, 2 * NONTARGET - 2
    assert cllr(*llrs) == pytest.approx(min_cllr(*llrs), abs=0.005)
    assert min_cllr(TARGET, NONTARGET) == pytest.approx(min_cllr(*llrs), abs=1e-12)
    assert cllr(10 * llrs[0], 10 * llrs[1]) > 1
    assert cllr([0, 0], [0]) == pytest.approx(1)


def test_min_cllr_at_the_ends() -> None:
    assert min_cllr(*APART) == 0
    assert min_cllr(*APART[::-1]) == pytest.approx(1)
    assert min_cllr([3, 3], [3]) == pytest.approx(1)


@pytest.mark.parametrize("omega", [1.0, 0.1])
def test_d_sys_of_gaussians(omega: float) -> None:
    s = np.linspace(-8, 10, 20001)
    ratio = omega * np.exp(2 * s - 2)
    exact = np.trapezoid if hasattr(np, "trapezoid") else np.trapz
    expected = exact(np.maximum(0, 2 * ratio / (1 + ratio) - 1) * norm.pdf(s, 2), s)
    assert d_sys(TARGET, NONTARGET, omega) == pytest.approx(expected, abs=0.02)


def test_d_sys_at_the_ends() -> None:
    assert d_sys(*APART) == 1
    assert d_sys(APART[1], APART[0]) == 1  # A reversed link is a link.
    assert d_sys(np.ones(50), np.ones(50)) == 0
    with pytest.raises(CorpusError, match="too few"):
        d_sys(np.arange(19), np.arange(100))


@pytest.mark.parametrize("metric", [equal_error_rate, min_dcf, cllr, min_cllr, d_sys])
def test_scores_that_cannot_be_used(metric: Callable[[npt.ArrayLike, npt.ArrayLike], float]) -> None:
    good = np.arange(30.0)
    with pytest.raises(CorpusError, match="no target"):
        metric([], good)
    with pytest.raises(CorpusError, match="no non-target"):
        metric(good, [])
    with pytest.raises(CorpusError, match="NaN"):
        metric(good, np.append(good, np.nan))
    with pytest.raises(ValueError, match="shape"):
        metric(good[None], good)


def test_balanced_accuracy() -> None:
    truth = RNG.choice(["calm", "sad", "sad", "sad", "angry"], 200)
    predicted = RNG.choice(["calm", "sad", "angry"], 200)
    assert balanced_accuracy(truth, predicted) == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert uar(list("FFFM"), list("FFFF")) == 0.5
    with pytest.raises(CorpusError, match="no labelled"):
        balanced_accuracy([], [])
    with pytest.raises(ValueError, match="predicted"):
        balanced_accuracy(["F"], ["F", "M"])


def test_bootstrap_covers_the_mean() -> None:
    values = RNG.normal(5, 2, 400)
    low, high = bootstrap(np.mean, values)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert bootstrap(np.mean, values, seed=3) == bootstrap(np.mean, values, seed=3) != (low, high)


def test_bootstrap_draws_whole_groups() -> None:
    # Ten equal utterances of each speaker tell no more than one of each.
    speakers = np.repeat(np.arange(20), 10)
    values = np.repeat(RNG.normal(0, 1, 20), 10)
    shuffled = RNG.permutation(200)
    low, high = bootstrap(np.mean, values[shuffled], groups=speakers[shuffled])
    assert (low, high) == pytest.approx(bootstrap(np.mean, values[::10]), abs=0.12)
    naive = bootstrap(np.mean, values)
    assert high - low > 2.5 * (naive[1] - naive[0])


def test_bootstrap_of_trials_keeps_rows_together() -> None:
    scores = np.concatenate([TARGET[:200], NONTARGET[:400]])
    is_target = np.arange(600) < 200
    low, high = bootstrap(lambda s, y: equal_error_rate(s[y], s[~y]), scores, is_target, n=200)
    assert low < equal_error_rate(TARGET[:200], NONTARGET[:400]) < high
    assert high - low < 0.15


def test_bootstrap_draws_again_without_a_class() -> None:
    scores, is_target = np.array([2.0, 0.0, 1.0]), np.array([True, False, False])
    assert bootstrap(lambda s, y: equal_error_rate(s[y], s[~y]), scores, is_target, n=50) == (0, 0)
    with pytest.raises(CorpusError, match="no target"):
        bootstrap(lambda s, y: equal_error_rate(s[y], s[~y]), scores, np.zeros(3, bool))


def test_bootstrap_refusals() -> None:
    with pytest.raises(CorpusError, match="two groups"):
        bootstrap(np.mean, [1, 2, 3], groups=["a", "a", "a"])
    with pytest.raises(ValueError, match="rows"):
        bootstrap(np.mean, [1, 2, 3], groups=["a", "b"])
