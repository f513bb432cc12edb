"""The audit's figures: speaker verification, linkability and classification, each with its source.

Scores are higher for "same speaker". *Target* trials compare a speaker with themself, *non-target* trials with
somebody else. Rates and probabilities are fractions, not per cent.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from edgy_tf.errors import CorpusError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_SCORES_PER_BIN, _MOST_BINS = 10, 100


def equal_error_rate(target_scores: npt.ArrayLike, nontarget_scores: npt.ArrayLike) -> float:
    """Rate at which misses and false alarms are equally frequent.

    The ROC's points are joined by straight lines and cut with ``P_miss = P_fa`` (Martin et al. 1997, "The DET
    curve in assessment of detection task performance"). 0.5 is chance; above 0.5 the attacker has it backwards.

    Args:
        target_scores: ``[T]``.
        nontarget_scores: ``[N]``.

    Raises:
        CorpusError: there are no scores of one kind, or some are not finite.
    """
    miss, false_alarm = _error_rates(*_checked(target_scores, nontarget_scores))
    gap = miss - false_alarm
    after = int(np.argmax(gap >= 0))  # Never the first point: there gap is -1.
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(miss[after - 1] + share * (miss[after] - miss[after - 1]))


def min_dcf(
    target_scores: npt.ArrayLike,
    nontarget_scores: npt.ArrayLike,
    p_target: float = 0.05,
    cost_miss: float = 1.0,
    cost_false_alarm: float = 1.0,
) -> float:
    """Smallest detection cost over all thresholds, in units of the better of "always yes" and "always no".

    ``min_t (C_miss P_miss(t) p + C_fa P_fa(t) (1 - p)) / min(C_miss p, C_fa (1 - p))``: NIST's C_det, with the
    parameters of the VoxCeleb speaker recognition challenge (Nagrani et al. 2020) as defaults. 0 is perfect, 1 useless.

    Args:
        target_scores: ``[T]``.
        nontarget_scores: ``[N]``.
        p_target: prior probability ``p`` of a target trial.
        cost_miss: cost of rejecting a target.
        cost_false_alarm: cost of accepting a non-target.

    Raises:
        CorpusError: as `equal_error_rate`.
    """
    miss, false_alarm = _error_rates(*_checked(target_scores, nontarget_scores))
    miss_weight, false_alarm_weight = cost_miss * p_target, cost_false_alarm * (1 - p_target)
    cost = miss_weight * miss + false_alarm_weight * false_alarm
    return float(cost.min() / min(miss_weight, false_alarm_weight))


def cllr(target_llrs: npt.ArrayLike, nontarget_llrs: npt.ArrayLike) -> float:
    """Cost of log-likelihood ratios, in bits: how much of the speaker information they carry *as they are*.

    ``(mean log2(1 + e^-target) + mean log2(1 + e^nontarget)) / 2`` (Brümmer & du Preez 2006,
    "Application-independent evaluation of speaker detection"). 0 is perfect, 1 is what the ratio 1 for
    every trial costs; badly calibrated scores, cosines for instance, may cost more: see `min_cllr`.

    Args:
        target_llrs: ``[T]`` natural-log likelihood ratios.
        nontarget_llrs: ``[N]``.

    Raises:
        CorpusError: as `equal_error_rate`.
    """
    return _cost_of_llrs(*_checked(target_llrs, nontarget_llrs))


def min_cllr(target_scores: npt.ArrayLike, nontarget_scores: npt.ArrayLike) -> float:
    """`cllr` after the best monotone calibration: the information in the scores' order alone, for any scores.

    The pool-adjacent-violators algorithm gives ``P(target | score)``; its log odds less those of the trial list
    are the optimal ratios (Brümmer & du Preez 2006). In ``[0, 1]``. Few trials make it optimistic.

    Args:
        target_scores: ``[T]``.
        nontarget_scores: ``[N]``.

    Raises:
        CorpusError: as `equal_error_rate`.
    """
    target, nontarget = _checked(target_scores, nontarget_scores)
    is_target = np.repeat([1.0, 0.0], [len(target), len(nontarget)])
    posterior = IsotonicRegression().fit_transform(np.concatenate([target, nontarget]), is_target)
    # Infinite where a stretch of scores holds one kind only, and then on the side that costs nothing.
    with np.errstate(divide="ignore"):
        llr = np.log(posterior) - np.log1p(-posterior) - np.log(len(target) / len(nontarget))
    return _cost_of_llrs(llr[: len(target)], llr[len(target) :])


def d_sys(target_scores: npt.ArrayLike, nontarget_scores: npt.ArrayLike, omega: float = 1.0) -> float:
    """Global linkability: 0 when no score links two recordings of a speaker, 1 when every one does.

    ``D(s) = max(0, 2 w r / (1 + w r) - 1)`` of the likelihood ratio ``r = p(s | target) / p(s | nontarget)``, averaged
    over the target scores (Gomez-Barrero et al. 2018, "General framework to evaluate unlinkability in biometric
    template protection systems"). As in the VoicePrivacy toolkit (Maouche et al. 2020), both densities
    are histograms over the range of all scores, of one bin per ten target scores and at most 100. The toolkit
    integrates by trapezoids, which loses half of both end bins; this is the histograms' own sum, exactly 1 for
    separated scores. Unlike the EER it also sees scores that tell speakers apart the wrong way round. Histogram
    noise lifts it above 0 for equal distributions: compare with `bootstrap`'s interval.

    Args:
        target_scores: ``[T]``, at least 20.
        nontarget_scores: ``[N]``.
        omega: prior ratio ``w = P(target) / P(nontarget)``.

    Raises:
        CorpusError: as `equal_error_rate`, or there are fewer than two bins.
    """
    target, nontarget = _checked(target_scores, nontarget_scores)
    bins = min(len(target) // _SCORES_PER_BIN, _MOST_BINS)
    if bins < 2:
        raise CorpusError(f"{len(target)} target scores are too few for D_sys; use {2 * _SCORES_PER_BIN} or more")
    edges = np.histogram_bin_edges(np.concatenate([target, nontarget]), bins)
    of_target = np.histogram(target, edges)[0] / len(target)
    of_nontarget = np.histogram(nontarget, edges)[0] / len(nontarget)
    weighted = omega * of_target
    # 2 w r / (1 + w r) - 1 with both sides multiplied by the non-target density, which may be 0.
    total = weighted + of_nontarget
    linked = np.divide(weighted - of_nontarget, total, out=np.zeros(bins), where=total > 0)
    return float(np.sum(np.maximum(linked, 0) * of_target))


def balanced_accuracy(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean over the classes of each class's recall; chance is 1 / classes however unequal they are.

    For two classes it is usually called balanced accuracy (Brodersen et al. 2010), for more of them unweighted
    average recall, UAR (Schuller et al. 2009, the Interspeech emotion challenge): one formula, ``mean_c
    P(predicted = c | truth = c)`` over the classes that occur in ``truth``.

    Args:
        truth: ``[N]`` labels.
        predicted: ``[N]`` labels.

    Raises:
        CorpusError: there are no labels.
    """
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if not truth.size:
        raise CorpusError("no labelled utterances to score; add utterances that have the label")
    if truth.shape != predicted.shape:
        raise ValueError(f"{truth.shape} true labels but {predicted.shape} predicted ones")
    return float(np.mean([np.mean(predicted[truth == label] == label) for label in np.unique(truth)]))


uar = balanced_accuracy
"""What `balanced_accuracy` is called when there are more than two classes."""


def bootstrap(
    statistic: Callable[..., float],
    *arrays: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    n: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic (Efron & Tibshirani 1993, chapter 13).

    Rows are drawn with replacement, the same ones of every array. Utterances of one speaker are alike, so give the
    speakers as ``groups``: then whole groups are drawn (Field & Welsh 2007, the cluster bootstrap). A draw on which
    the statistic does not exist, because one class is missing, is drawn again. For the EER and its like, give scores
    and labels: ``bootstrap(lambda s, y: equal_error_rate(s[y], s[~y]), scores, is_target, groups=speakers)``.

    Args:
        statistic: called with the drawn rows of every array.
        arrays: ``[N, ...]`` each.
        groups: ``[N]`` labels; None draws single rows.
        n: how many draws.
        seed: equal seeds give equal intervals.

    Returns:
        The 2.5th and the 97.5th percentile of the statistic over the draws.

    Raises:
        CorpusError: there is only one group, or the statistic does not exist for the arrays as they are.
    """
    rows = [np.asarray(array) for array in arrays]
    labels = np.arange(len(rows[0])) if groups is None else np.asarray(groups)
    if {len(array) for array in rows} != {len(labels)}:
        raise ValueError(f"arrays of {[len(array) for array in rows]} rows and {len(labels)} groups")
    names, membership = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise CorpusError("an interval needs at least two groups to draw from; add speakers")
    members = np.split(np.argsort(membership, kind="stable"), np.cumsum(np.bincount(membership))[:-1])
    statistic(*rows)  # Raises what no draw could mend.
    rng = np.random.default_rng(seed)
    values: list[float] = []
    while len(values) < n:
        drawn = np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))])
        try:
            values.append(statistic(*(array[drawn] for array in rows)))
        except CorpusError:
            continue
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _checked(target: npt.ArrayLike, nontarget: npt.ArrayLike) -> tuple[Floats, Floats]:
    scores = np.asarray(target, np.float64), np.asarray(nontarget, np.float64)
    for kind, values in zip(("target", "non-target"), scores, strict=True):
        if values.ndim != 1:
            raise ValueError(f"{kind} scores have shape {values.shape}; give [N]")
        if not values.size:
            raise CorpusError(f"no {kind} trials to score; add speakers or utterances per speaker")
        if not np.isfinite(values).all():
            raise CorpusError(f"some {kind} scores are NaN or infinite; look at the verifier that gave them")
    return scores


def _error_rates(target: Floats, nontarget: Floats) -> tuple[Floats, Floats]:
    """Miss and false-alarm rates ``[K]`` as the threshold rises: from accepting every trial to accepting none."""
    thresholds = np.append(np.unique(np.concatenate([target, nontarget])), np.inf)
    miss = np.searchsorted(np.sort(target), thresholds) / len(target)
    false_alarm = 1 - np.searchsorted(np.sort(nontarget), thresholds) / len(nontarget)
    return miss, false_alarm


def _cost_of_llrs(target: Floats, nontarget: Floats) -> float:
    nats = np.logaddexp(0, -target).mean() + np.logaddexp(0, nontarget).mean()
    return float(nats / 2 / np.log(2))
