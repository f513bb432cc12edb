"""Attackers that learn what to look at themselves: small networks over codes, or over the frames of speech."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_sample_weight

from edgy_tf.corpora import to_float32
from edgy_tf.errors import MissingDependencyError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import load_preset
from evaluation.features import Codes, Floats

Ints = npt.NDArray[np.int64]

LONGEST = 1024
"""Codes of an utterance that a network hears: some 20 s."""

FRAMES, STEP = 100, 4
"""Frames of an utterance that a network hears, and mel frames of 10 ms that one of them is the mean of: 4 s."""

EPOCHS, BATCH = 12, 64

# A fixed one: the attacker does not change with the model under attack.
_FRONT_END = load_preset("pi").front_end


def mel_frames(clips: Iterable[npt.NDArray[Any]]) -> Floats:
    """What the network over frames hears: log-mel of utterances, brought to zero mean and unit variance in each band.

    Args:
        clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].

    Returns:
        ``[clips, FRAMES, 80]``; a longer clip is cut, and what a shorter one lacks is zero.
    """
    out = np.zeros((0, FRAMES, _FRONT_END.mels), np.float32)
    rows = [out[:0]]
    for clip in clips:
        mel = log_mel(to_float32(clip)[: FRAMES * STEP * _FRONT_END.hop], _FRONT_END)
        mel = mel[: len(mel) // STEP * STEP].reshape(-1, STEP, mel.shape[1]).mean(1)
        row = np.zeros((1, *out.shape[1:]), np.float32)
        if len(mel):
            row[0, : len(mel)] = (mel - mel.mean(0)) / (mel.std(0) + 1e-3)
        rows.append(row)
    return np.concatenate(rows)


def attack_frames(train: Floats, train_y: Ints, *tests: Floats, seed: int = 0) -> list[Ints]:
    """Train a network over frames and let it answer on others: two convolutions over five frames, then as on codes.

    Sets the global seed of Keras.

    Args:
        train: ``[N, FRAMES, 80]`` of `mel_frames`.
        train_y: ``[N]``, classes numbered from 0.
        tests: as ``train``.
        seed: of weights, batches and dropout.

    Returns:
        ``[len(test)]`` classes for each test.

    Raises:
        MissingDependencyError: Keras is not installed.
    """
    return _network(None, train.shape[1:], int(train_y.max()) + 1, seed).attack(train, train_y, tests)


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
    known = np.unique(np.concatenate(train))
    # Rounded up, so that most folds share a network.
    length = min(LONGEST, -(-max(map(len, train)) // 128) * 128 or 128)
    size = -(-(len(known) + 2) // 128) * 128
    learned, asked = (padded(part, known, length) for part in (train, test))
    return _network(size, (length,), int(train_y.max()) + 1, seed).attack(learned, train_y, [asked])[0]


class _Network:
    """A network that forgets before it learns: to compile one takes as long as to train it.

    Args:
        codes: size of the vocabulary; None for a network over frames.
        shape: of an input.
        classes: how many answers there are.
        seed: of weights, batches and dropout.
    """

    def __init__(self, codes: int | None, shape: tuple[int, ...], classes: int, seed: int) -> None:
        try:
            import keras
        except ImportError as error:
            raise MissingDependencyError("network attackers need Keras; run: pip install 'edgy-tf[cloud]'") from error
        layers, ops = keras.layers, keras.ops
        self._seed, self._set_seed = seed, keras.utils.set_random_seed
        self._set_seed(seed)
        entry = keras.Input(shape, dtype="float32" if codes is None else "int32")
        there = ops.cast(ops.not_equal(entry, 0), "float32")
        if codes is None:
            there = ops.max(there, axis=-1, keepdims=True)
            x = layers.Conv1D(64, 5, padding="same", activation="relu")(layers.GaussianNoise(0.3)(entry)) * there
        else:
            there = ops.expand_dims(there, -1)
            x = layers.Embedding(codes, 32)(entry) * there
        x = layers.Conv1D(64, 5, padding="same", activation="relu")(x) * there
        # After the ReLU nothing is below the padding's 0, so the maximum needs no mask.
        mean = ops.sum(x, axis=1) / ops.maximum(ops.sum(there, axis=1), 1)
        x = layers.Dropout(0.5)(ops.concatenate([mean, ops.max(x, axis=1)], axis=-1))
        self._model = keras.Model(entry, layers.Dense(classes, activation="softmax")(x))
        self._model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=False)
        self._model.optimizer.build(self._model.trainable_variables)
        self._state = [*self._model.variables, *self._model.optimizer.variables]
        self._begin = [np.array(variable) for variable in self._state]

    def attack(self, train: npt.NDArray, train_y: Ints, tests: Sequence[npt.NDArray]) -> list[Ints]:
        """Learn from ``train [N, ...]`` and answer on each test."""
        self._set_seed(self._seed)
        for variable, value in zip(self._state, self._begin, strict=True):
            variable.assign(value)
        weights = compute_sample_weight("balanced", train_y)
        self._model.fit(train, train_y, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, verbose=0)
        return [
            np.concatenate([np.asarray(self._model(test[i : i + BATCH])) for i in range(0, len(test), BATCH)]).argmax(
                axis=1
            )
            for test in tests
        ]


@functools.lru_cache(maxsize=16)
def _network(codes: int | None, shape: tuple[int, ...], classes: int, seed: int) -> _Network:
    return _Network(codes, shape, classes, seed)


def padded(sequences: Sequence[Codes], known: Codes, length: int) -> npt.NDArray[np.int32]:
    """Sequences as ``[B, length]``: 0 is padding, 1 a code that training did not have, 2 the first one it had."""
    batch = np.zeros((len(sequences), length), np.int32)
    for row, sequence in zip(batch, sequences, strict=True):
        heard = sequence[:length]
        places = np.minimum(np.searchsorted(known, heard), len(known) - 1)
        row[: len(heard)] = np.where(known[places] == heard, places + 2, 1)
    return batch
