"""Between a verifier and its score: what an attacker's own speakers teach it about embeddings, and about codes.

All of it is fitted on training speakers. Unit vectors come out, which are compared by their cosine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from edgy_tf.errors import CorpusError, MissingDependencyError
from evaluation.features import Codes, Floats
from evaluation.networks import LONGEST, padded

Names = npt.NDArray[np.str_]
Project = Callable[[Floats], Floats]
"""Embeddings ``[N, D]`` to unit vectors ``[N, d]``; NaN stays NaN."""

WIDTH = 64
"""Length of the network's embeddings."""

EPOCHS, BATCH = 15, 32
PAIRS = 5000
"""Pairs of training items of each kind, at most, that scores are calibrated on."""


def unit(x: Floats) -> Floats:
    """Rows ``[N, D]`` brought to length 1; a row of zeros stays."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12), np.float32)


def centred(train: Floats, speakers: Names) -> Project:
    """Take the mean of the training embeddings ``[N, D]`` off, which all voices share; the speakers do not matter."""
    mean = unit(train).mean(0)
    return lambda x: unit(unit(x) - mean)


def discriminant(train: Floats, speakers: Names) -> Project:
    """Linear discriminant analysis: the directions that tell the training speakers apart, the others shrunk.

    Args:
        train: ``[N, D]``.
        speakers: ``[N]``; those with one item alone teach nothing of how a voice varies and are left out.

    Raises:
        CorpusError: fewer than two speakers have two items.
    """
    names, counts = np.unique(speakers, return_counts=True)
    kept = np.isin(speakers, names[counts > 1])
    if (counts > 1).sum() < 2:
        raise CorpusError("LDA needs two training speakers with two items each; add speakers")
    mean = unit(train).mean(0)
    # Ledoit and Wolf's shrinkage: there are about as many dimensions as items of a speaker, or far more.
    analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(
        unit(train[kept]) - mean, speakers[kept]
    )

    def project(x: Floats) -> Floats:
        out = np.full((len(x), len(analysis.transform(mean[None])[0])), np.nan, np.float32)
        there = np.isfinite(x).all(1)
        if there.any():
            out[there] = unit(analysis.transform(unit(x[there]) - mean))
        return out

    return project


BACK_ENDS: dict[str, Callable[[Floats, Names], Project]] = {"cosine": centred, "LDA": discriminant}
"""How embeddings are compared, by name: fitted on training embeddings and their speakers."""


def code_network(train: Sequence[Codes], speakers: Names, *, seed: int = 0) -> Callable[[Sequence[Codes]], Floats]:
    """Teach a network to name the training speakers by their codes; what it thinks of just before is the embedding.

    Embedding, two convolutions over time, mean and deviation, one layer of `WIDTH`, and a softmax over the speakers:
    an x-vector (Snyder et al. 2018) in small. Sets the global seed of Keras.

    Args:
        train: ``[n]`` codes each, any ``n``.
        speakers: ``[len(train)]``.
        seed: of weights, batches and dropout.

    Returns:
        What turns code sequences into embeddings ``[N, WIDTH]``; NaN of an empty sequence.

    Raises:
        MissingDependencyError: Keras is not installed.
    """
    try:
        import keras
    except ImportError as error:
        raise MissingDependencyError(
            "code-level attackers need Keras; run: pip install 'edgy-tf[verifiers]'"
        ) from error
    keras.utils.set_random_seed(seed)
    layers, ops = keras.layers, keras.ops
    known = np.unique(np.concatenate(train))
    length = max(1, min(LONGEST, max(map(len, train))))  # One shape for all, as each shape is compiled anew.
    codes = keras.Input((length,), dtype="int32")
    there = ops.expand_dims(ops.cast(ops.not_equal(codes, 0), "float32"), -1)
    x = layers.Embedding(len(known) + 2, 32)(codes) * there
    for _ in range(2):
        x = layers.Conv1D(64, 5, padding="same", activation="relu")(x) * there
    count = ops.maximum(ops.sum(there, axis=1), 1)
    mean = ops.sum(x, axis=1) / count
    spread = ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=1) / count - ops.square(mean), 1e-6))
    voice = layers.Dense(WIDTH)(ops.concatenate([mean, spread], axis=-1))
    names, y = np.unique(speakers, return_inverse=True)
    answer = layers.Dense(len(names), activation="softmax")(layers.Dropout(0.3)(ops.relu(voice)))
    model = keras.Model(codes, answer)
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(padded(train, known, length), y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    network = keras.Model(codes, voice)

    def embed(sequences: Sequence[Codes]) -> Floats:
        batch = padded(sequences, known, length)
        # Called, not `predict`ed: that compiles anew for every model, which costs more than it saves here.
        rows = np.concatenate([np.asarray(network(batch[i : i + BATCH])) for i in range(0, len(batch), BATCH)])
        rows[[len(sequence) == 0 for sequence in sequences]] = np.nan
        return rows

    return embed


def calibration(vectors: Floats, speakers: Names, *, seed: int = 0) -> Callable[[Any], Any]:
    """Logistic regression from cosines to log-likelihood ratios (Brümmer & du Preez 2006).

    Fitted on as many random pairs of one speaker as of two, so that its log odds are the ratios.

    Args:
        vectors: unit vectors ``[N, d]`` of training items, finite, of speakers that the back-end was not fitted on:
            it tells those it knows too well apart.
        speakers: ``[N]``.
        seed: of the pairs.

    Returns:
        What maps scores ``[T]`` to natural-log likelihood ratios ``[T]``.

    Raises:
        CorpusError: there are no pairs of one kind.
    """
    left, right = np.triu_indices(len(vectors), 1)
    same = speakers[left] == speakers[right]
    kinds = [np.flatnonzero(same), np.flatnonzero(~same)]
    count = min(PAIRS, *map(len, kinds))
    if not count:
        raise CorpusError("calibration needs two training speakers with two items each; add speakers")
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.choice(kind, count, replace=False) for kind in kinds])
    scores = np.sum(vectors[left[chosen]] * vectors[right[chosen]], axis=1)
    mean, deviation = scores.mean(), scores.std() + 1e-6
    regression = LogisticRegression().fit(((scores - mean) / deviation)[:, None], same[chosen])
    return lambda s: regression.decision_function(((np.asarray(s) - mean) / deviation)[:, None])
