"""Attackers on attributes: what can be told of a speaker from processed speech, and from the codes on the wire.

The classifiers are the paper's (section 5: logistic regression, random forest, MLP, SVM) and small networks over
codes or frames. ``evaluation.verdict`` says which scenarios there are and what the scores mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight
from tqdm import tqdm

from edgy_tf.errors import CorpusError
from evaluation.features import CodeFeatures, Codes, Floats
from evaluation.networks import attack_frames, attack_sequences
from evaluation.splits import Attribute, Fold, folds
from evaluation.verdict import RAW_BARS, Key, Measurement, Scenario, judge, score

Ints = npt.NDArray[np.int64]

CLASSIFIERS: dict[str, Callable[[int, int], Any]] = {
    "logistic regression": lambda width, seed: LogisticRegression(C=0.1, max_iter=300),
    "random forest": lambda width, seed: RandomForestClassifier(100, min_samples_leaf=2, random_state=seed),
    "MLP": lambda width, seed: MLPClassifier((64,), alpha=1.0, batch_size=32, max_iter=40, random_state=seed),
    # A kernel five times wider than usual: between neighbours lie many numbers that tell nothing.
    "SVM": lambda width, seed: SVC(C=3.0, gamma=0.2 / width),
}
"""How attackers learn, by name: made from the number of features and a seed."""

NETWORK = "network"
"""The name, among the classifiers, of those in `evaluation.networks`."""

CODES, FRAMES = "codes", "frames"
"""The names, among the features, of what only the network looks at: code sequences, and `networks.mel_frames`."""

OUTLIER = 3.0
"""Deviations from the mean at which a feature is cut off, so that what processing pushed far away decides nothing."""


def attack(
    train_x: Floats,
    train_y: npt.NDArray[Any],
    *tests: Floats,
    classifiers: Sequence[str] = tuple(CLASSIFIERS),
    seed: int = 0,
) -> dict[str, list[npt.NDArray[Any]]]:
    """Train every classifier on one set of features and let it answer on others.

    Features are filled in (NaN by the mean), scaled and cut off by what the training part shows; classes weigh the
    same, however many utterances they have. The attacker never gets to see the truth of the tests.

    Args:
        train_x: ``[N, D]``.
        train_y: ``[N]`` labels of any type.
        tests: ``[M, D]`` each, M may differ.
        classifiers: names out of `CLASSIFIERS`.
        seed: of forests and networks.

    Returns:
        For each classifier, one ``[M]`` of answers per test.
    """
    answers = {}
    for name in classifiers:
        pipeline = Pipeline(
            [
                ("fill", SimpleImputer(keep_empty_features=True)),
                ("scale", StandardScaler()),
                ("cut", FunctionTransformer(np.clip, kw_args={"a_min": -OUTLIER, "a_max": OUTLIER})),
                ("classify", CLASSIFIERS[name](train_x.shape[1], seed)),
            ]
        )
        with warnings.catch_warnings():
            # The few rounds are meant: they keep the attacker from learning its speakers by heart.
            warnings.simplefilter("ignore", ConvergenceWarning)
            pipeline.fit(train_x, train_y, classify__sample_weight=compute_sample_weight("balanced", train_y))
        answers[name] = [pipeline.predict(x) for x in tests]
    return answers


@dataclass(frozen=True, eq=False)
class Heard:
    """What attackers are given of one system.

    Attributes:
        features: name of a feature set to its ``[N, ...]``; empty for a system that gives no sound.
        codes: ``[n]`` each, ``N`` of them; None for a system without codes.
    """

    features: Mapping[str, Floats]
    codes: Sequence[Codes] | None = None


def measure(
    attribute: Attribute,
    labels: Sequence[str],
    speakers: Sequence[str],
    *,
    raw: Mapping[str, Floats],
    systems: Mapping[str, Heard] | None = None,
    classifiers: Sequence[str] = (*CLASSIFIERS, NETWORK),
    taught: int = 0,
    bar: float | None = None,
    margin: float = 0.05,
    seed: int = 0,
) -> dict[str, Measurement]:
    """Attack one attribute in every scenario that the data allow, speaker-disjointly, after each of several systems.

    Args:
        attribute: what the labels are of.
        labels: ``[N]``, one for each utterance.
        speakers: ``[N]``.
        taught: the last so many utterances are of further speakers, whom every attacker may learn from and none is
            asked about.
        raw: name of a feature set to its ``[N, D]`` on raw speech; `FRAMES` names what `mel_frames` gives.
        systems: what is heard of processed speech, by the name of the system; feature sets under the same names.
        classifiers: names out of `CLASSIFIERS`, and `NETWORK`, to which codes and `FRAMES` are given.
        bar: balanced accuracy demanded on raw speech; None takes the audit's (`RAW_BARS`).
        margin: how far above chance an attribute still counts as protected.
        seed: of folds, attackers and intervals.

    Returns:
        A measurement for each system, and one under ``raw`` that holds the attacks on raw speech alone.

    Raises:
        CorpusError: too few classes or speakers (see `folds`), or not one row for each label. The audit reports it
            as "not measured".
        MissingDependencyError: Keras is not installed and `NETWORK` is asked for.
    """
    systems = systems or {}
    rows = {len(speakers), *map(len, raw.values())}
    for heard in systems.values():
        rows |= {*map(len, heard.features.values()), len(labels if heard.codes is None else heard.codes)}
    if rows != {len(labels)}:
        raise CorpusError(f"{len(labels)} labels but rows of {sorted(rows)}; leave skipped utterances out of all")
    names, truth = np.unique(labels, return_inverse=True)
    asked = len(labels) - taught
    people = np.asarray(speakers)[:asked]
    if common := {*people} & {*speakers[asked:]}:
        raise CorpusError(f"speaker {min(common)} is both learned from and tested; keep each in one split")
    others = np.arange(asked, len(labels))
    answers: dict[str, dict[Key, Ints]] = {name: {} for name in ("raw", *systems)}
    plain = [name for name in classifiers if name != NETWORK]
    for fold in tqdm(folds(labels[:asked], speakers[:asked], seed=seed), f"attack {attribute}", unit="fold"):
        fold = Fold(np.concatenate([fold.train, others]), fold.test)
        y = truth[fold.train]
        for features, train, tests in _situations(fold, raw, systems):
            if features not in (CODES, FRAMES):
                found = attack(train, y, *tests.values(), classifiers=plain, seed=seed)
            elif NETWORK not in classifiers:
                continue
            elif features == FRAMES:
                found = {NETWORK: attack_frames(train, y, *tests.values(), seed=seed)}
            else:
                found = {NETWORK: [attack_sequences(train, y, x, seed=seed) for x in tests.values()]}
            for classifier, answered in found.items():
                for (system, scenario), answer in zip(tests, answered, strict=True):
                    key = scenario, features, classifier
                    answers[system].setdefault(key, np.empty_like(truth[:asked]))[fold.test] = answer
    scores = {
        system: {key: score(truth[:asked], answer, people, seed=seed) for key, answer in each.items()}
        for system, each in answers.items()
    }
    return {
        system: Measurement(
            attribute=attribute,
            classes=tuple(map(str, names)),
            utterances=asked,
            speakers=len(np.unique(people)),
            bar=RAW_BARS[attribute] if bar is None else bar,
            margin=margin,
            attacks=judge(scores["raw"] | each, len(names)),
        )
        for system, each in scores.items()
    }


Tests = dict[tuple[str, Scenario], Any]
"""System and scenario to what an attacker is then asked about."""


def _situations(
    fold: Fold, raw: Mapping[str, Floats], systems: Mapping[str, Heard]
) -> Iterator[tuple[str, Any, Tests]]:
    """Name of the features, what the attacker learns from, and what it is then tested on."""
    for name, x in raw.items():
        tests: Tests = {("raw", "raw"): x[fold.test]}
        for system, heard in systems.items():
            if name in heard.features:
                changed = heard.features[name]
                tests[system, "ignorant"] = changed[fold.test]
                if name != FRAMES:  # Each utterance's frames have been brought to one scale already.
                    tests[system, "lazy-informed"] = _moved(changed[fold.test], changed[fold.train], x[fold.train])
        yield name, x[fold.train], tests
    for system, heard in systems.items():
        for name, x in heard.features.items():
            yield name, x[fold.train], {(system, "semi-informed"): x[fold.test]}
        if heard.codes is not None:
            train, test = _rows(heard.codes, fold.train), _rows(heard.codes, fold.test)
            statistics = CodeFeatures().fit(train)
            yield "code statistics", statistics.transform(train), {(system, "code-level"): statistics.transform(test)}
            yield CODES, train, {(system, "code-level"): test}


def _moved(x: Floats, processed: Floats, raw: Floats) -> Floats:
    """``x`` with each feature's mean and deviation on processed speech changed for those on raw speech."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A feature that nobody has stays NaN.
        scale = np.nanstd(raw, 0) / np.maximum(np.nanstd(processed, 0), 1e-6)
        return (x - np.nanmean(processed, 0)) * scale + np.nanmean(raw, 0)


def _rows(codes: Sequence[Codes], places: Ints) -> list[Codes]:
    return [codes[i] for i in places]
