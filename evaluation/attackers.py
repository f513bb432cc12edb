"""Attackers on attributes: what can be told of a speaker from processed speech, and from the codes on the wire.

The classifiers are the paper's (section 5: logistic regression, random forest, MLP, SVM) and, on codes, a small
network over the sequence. ``evaluation.verdict`` says which scenarios there are and what the scores mean.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
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

from edgy_tf.errors import CorpusError, MissingDependencyError
from evaluation.features import CodeFeatures, Codes, Floats
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

NETWORK = "sequence network"
"""The name of `attack_sequences` among the classifiers."""

OUTLIER = 3.0
"""Deviations from the mean at which a feature is cut off, so that what processing pushed far away decides nothing."""

LONGEST = 1024
"""Codes of an utterance that the network hears: some 20 s."""

EPOCHS, BATCH = 20, 32


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


def attack_sequences(train: Sequence[Codes], train_y: Ints, test: Sequence[Codes], *, seed: int = 0) -> Ints:
    """Train a network over code sequences and let it answer on others.

    Embedding, one convolution over five codes, mean and maximum over time, one layer; the first `LONGEST` codes.
    Sets the global seed of Keras.

    Args:
        train: ``[n]`` codes each, any ``n``.
        train_y: ``[len(train)]``, classes numbered from 0.
        test: as ``train``.
        seed: of weights, batches and dropout.

    Returns:
        ``[len(test)]`` classes.

    Raises:
        MissingDependencyError: Keras is not installed.
    """
    try:
        import keras
        from keras import layers, ops
    except ImportError as error:
        raise MissingDependencyError("the sequence attacker needs Keras; pip install edgy-tf[cloud]") from error
    known = np.unique(np.concatenate(train))
    # One shape for all, as each shape is compiled anew.
    length = max(1, min(LONGEST, max(map(len, train))))
    keras.utils.set_random_seed(seed)
    codes = keras.Input((length,), dtype="int32")
    there = ops.expand_dims(ops.cast(ops.not_equal(codes, 0), "float32"), -1)
    x = layers.Embedding(len(known) + 2, 32)(codes)
    x = layers.Conv1D(64, 5, padding="same", activation="relu")(x * there) * there
    # After the ReLU nothing is below the padding's 0, so the maximum needs no mask.
    mean = ops.sum(x, axis=1) / ops.maximum(ops.sum(there, axis=1), 1)
    x = layers.Dropout(0.5)(ops.concatenate([mean, ops.max(x, axis=1)], axis=-1))
    model = keras.Model(codes, layers.Dense(int(train_y.max()) + 1, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=False)
    weights = compute_sample_weight("balanced", train_y)
    model.fit(_padded(train, known, length), train_y, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    padded = _padded(test, known, length)
    # Called, not `predict`ed: that compiles anew for every model, which costs more than it saves here.
    answers = [np.asarray(model(padded[i : i + BATCH])) for i in range(0, len(padded), BATCH)]
    return np.concatenate(answers).argmax(axis=1)


def measure(
    attribute: Attribute,
    labels: Sequence[str],
    speakers: Sequence[str],
    *,
    raw: Mapping[str, Floats],
    processed: Mapping[str, Floats] | None = None,
    codes: Sequence[Codes] | None = None,
    classifiers: Sequence[str] = (*CLASSIFIERS, NETWORK),
    bar: float | None = None,
    margin: float = 0.05,
    seed: int = 0,
) -> Measurement:
    """Attack one attribute in every scenario that the data allow, speaker-disjointly.

    Args:
        attribute: what the labels are of.
        labels: ``[N]``, one for each utterance.
        speakers: ``[N]``.
        raw: name of a feature set to its ``[N, D]`` on raw speech.
        processed: the same features of processed speech, under the same names.
        codes: ``[n]`` each, ``N`` of them.
        classifiers: names out of `CLASSIFIERS`, and `NETWORK`, which only codes are given to.
        bar: balanced accuracy demanded on raw speech; None takes the audit's (`RAW_BARS`).
        margin: how far above chance an attribute still counts as protected.
        seed: of folds, attackers and intervals.

    Raises:
        CorpusError: too few classes or speakers (see `folds`), or not one row for each label. The audit reports it
            as "not measured".
        MissingDependencyError: Keras is not installed and `NETWORK` is asked for.
    """
    processed = processed or {}
    rows = {
        len(speakers),
        *map(len, raw.values()),
        *map(len, processed.values()),
        len(labels if codes is None else codes),
    }
    if rows != {len(labels)}:
        raise CorpusError(f"{len(labels)} labels but rows of {sorted(rows)}; leave skipped utterances out of all")
    names, truth = np.unique(labels, return_inverse=True)
    answers: dict[Key, Ints] = {}
    plain = [name for name in classifiers if name != NETWORK]
    for fold in tqdm(folds(labels, speakers, seed=seed), f"attack {attribute}", unit="fold"):
        y = truth[fold.train]
        for features, train_x, tests in _situations(fold, raw, processed, codes):
            found = attack(train_x, y, *tests.values(), classifiers=plain, seed=seed)
            for classifier, answered in found.items():
                for scenario, answer in zip(tests, answered, strict=True):
                    answers.setdefault((scenario, features, classifier), np.empty_like(truth))[fold.test] = answer
        if codes is not None and NETWORK in classifiers:
            answer = attack_sequences(_rows(codes, fold.train), y, _rows(codes, fold.test), seed=seed)
            answers.setdefault(("code-level", "codes", NETWORK), np.empty_like(truth))[fold.test] = answer
    people = np.asarray(speakers)
    scores = {key: score(truth, answer, people, seed=seed) for key, answer in answers.items()}
    return Measurement(
        attribute=attribute,
        classes=tuple(map(str, names)),
        utterances=len(truth),
        speakers=len(np.unique(people)),
        bar=RAW_BARS[attribute] if bar is None else bar,
        margin=margin,
        attacks=judge(scores, len(names)),
    )


def _situations(
    fold: Fold, raw: Mapping[str, Floats], processed: Mapping[str, Floats], codes: Sequence[Codes] | None
) -> Iterator[tuple[str, Floats, dict[Scenario, Floats]]]:
    """Name of the features, what the attacker learns from, and what it is then tested on in which scenario."""
    for name, x in raw.items():
        tests: dict[Scenario, Floats] = {"raw": x[fold.test]}
        if name in processed:
            tests["ignorant"] = processed[name][fold.test]
        yield name, x[fold.train], tests
    for name, x in processed.items():
        yield name, x[fold.train], {"semi-informed": x[fold.test]}
    if codes is not None:
        train, test = _rows(codes, fold.train), _rows(codes, fold.test)
        statistics = CodeFeatures().fit(train)
        yield "code statistics", statistics.transform(train), {"code-level": statistics.transform(test)}


def _rows(codes: Sequence[Codes], places: Ints) -> list[Codes]:
    return [codes[i] for i in places]


def _padded(sequences: Sequence[Codes], known: Codes, length: int) -> npt.NDArray[np.int32]:
    """Sequences as ``[B, length]``: 0 is padding, 1 a code that training did not have, 2 the first one it had."""
    batch = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(batch, sequences, strict=True):
        heard = sequence[:length]
        places = np.minimum(np.searchsorted(known, heard), len(known) - 1)
        row[: len(heard)] = np.where(known[places] == heard, places + 2, 1)
    return batch
