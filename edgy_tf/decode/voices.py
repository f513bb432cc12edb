"""Voices: synthetic blends that are nobody's, and one's own, enrolled from a recording."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgy_tf.corpora import Corpus
from edgy_tf.decode.decoder import Decoder, Floats
from edgy_tf.errors import AudioError, ModelError
from edgy_tf.frontend import log_mel
from edgy_tf.network import Network
from edgy_tf.train.checkpoint import Checkpoint

BLEND = 4
"""Speakers that a synthetic voice is mixed of, where there are as many."""
PIECE = 100
"""Codes in a piece of an enrolment."""


def synthetic_voices(checkpoint: Checkpoint, corpus: Corpus, each: int = 3) -> dict[str, Floats]:
    """Voices that are nobody's, each a mean over several adults.

    Returns:
        embeddings ``[dim]``: ``default``, then ``F1``, ``M1``, ``F2``, ...; ``V1``, ``V2``, ... for a corpus that
        does not tell two adults of each gender.

    Raises:
        ModelError: fewer than two adult speakers, or a preset that has no table of speakers.
    """
    table = checkpoint.model.get("speaker/embeddings")
    if table is None:
        raise ModelError("synthetic voices are blends of a speaker table, which this preset does not have")
    adults = {u.speaker for u in corpus.utterances if u.age is None or u.age >= 18}
    known = [(i, gender) for i, (name, gender) in enumerate(checkpoint.speakers) if name in adults]
    groups = {g: [i for i, gender in known if gender == g] for g in "FM"}
    if min(map(len, groups.values())) < 2:
        groups = {"V": [i for i, _ in known]}
    if min(map(len, groups.values())) < 2:
        raise ModelError("a voice is a mean over several adult speakers; train on two or more")
    rng = np.random.default_rng(0)

    def mean(rows: list[int], count: int) -> Floats:
        return table[rng.choice(rows, min(count, len(rows)), replace=False)].mean(0)

    voices = {"default": np.mean([mean(rows, BLEND // len(groups)) for rows in groups.values()], 0)}
    return voices | {f"{g}{i}": mean(rows, BLEND) for i in range(1, each + 1) for g, rows in groups.items()}


def enrol(decoder: Decoder, codes: npt.ArrayLike, audio: npt.ArrayLike, steps: int = 150) -> Floats:
    """The voice ``[dim]`` with which the mel head best gives back a recording.

    Nothing but this voice is trained. It identifies its speaker: send it only where that is wanted.

    Args:
        decoder: of the codebook.
        codes: of the recording.
        audio: the recording, samples in [-1, 1], ideally 10 s or more.
        steps: of gradient descent.

    Raises:
        ModelError: the release has no mel head.
        AudioError: the recording is shorter than a code.
    """
    network = decoder.network
    decoder.mel(codes, decoder.voice())  # the errors that it may raise, before any work
    vectors, target = _pieces(network, np.asarray(codes), log_mel(audio, network.preset.front_end))
    voice = tf.Variable(decoder.voice()[None])
    optimizer = keras.optimizers.Adam(0.03)
    optimizer.build([voice])

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            mel = decoder.mel_graph(vectors, tf.repeat(voice, len(vectors), axis=0))
            loss = tf.reduce_mean(tf.abs(mel - target))
        optimizer.apply_gradients([(tape.gradient(loss, voice), voice)])

    for _ in range(steps):
        step()
    return voice.numpy()[0]


def _pieces(network: Network, codes: npt.NDArray[np.int64], mel: Floats) -> tuple[Floats, Floats]:
    """Code vectors ``[P, n, D]`` and mel ``[P, n * stride, mels]`` in pieces of equal length.

    A batch of pieces is many times faster than one long sequence through the recurrent layers. What is left over at
    the end is dropped, unless it is all there is.
    """
    stride = network.preset.stride
    usable = min(len(codes), len(mel) // stride)
    if usable == 0:
        raise AudioError("the recording is too short for a voice; give some seconds of speech")
    length = min(PIECE, usable)
    pieces = usable // length
    used = pieces * length
    vectors = network.codebook[codes[:used]].reshape(pieces, length, -1)
    return vectors, mel[: used * stride].reshape(pieces, length * stride, -1)
