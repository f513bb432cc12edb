"""Voices: synthetic blends that are nobody's, and one's own, enrolled from a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgy_tf.corpora import Corpus, load, to_float32
from edgy_tf.decode.decoder import Decoder, Floats
from edgy_tf.decode.voice import Voice
from edgy_tf.errors import AudioError, ModelError
from edgy_tf.frontend import log_mel
from edgy_tf.models.speaker import build_speaker
from edgy_tf.network import Network
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.weights import assign_variables

BLEND = 4
"""Speakers that a synthetic voice is mixed of, where there are as many."""
TRACT = 1.2
"""Times by which the vocal tract of a voice that is nobody's is longer or shorter at most, about what lies between
women and men."""
PIECE = 100
"""Codes in a piece of an enrolment."""
SHORTEST = 50
"""Mel frames of the shortest recording that a voice is taken from."""


def synthetic_voices(checkpoint: Checkpoint, corpus: Corpus, each: int = 3) -> dict[str, Floats]:
    """Voices that are nobody's, each a mean over several adults.

    Returns:
        embeddings ``[dim]``: ``default``, then ``F1``, ``M1``, ``F2``, ...; ``V1``, ``V2``, ... for a corpus that
        does not tell two adults of each gender.

    Raises:
        ModelError: fewer than two adult speakers.
    """
    adults = {u.speaker for u in corpus.utterances if u.adult}
    known = [(name, gender) for name, gender in checkpoint.speakers if name in adults]
    groups = {g: [name for name, gender in known if gender == g] for g in "FM"}
    if min(map(len, groups.values())) < 2:
        groups = {"V": [name for name, _ in known]}
    if min(map(len, groups.values())) < 2:
        raise ModelError("a voice is a mean over several adult speakers; train on two or more")
    rng = np.random.default_rng(0)
    voice_of = _voices_of(checkpoint, corpus)

    def mean(names: list[str], count: int) -> Floats:
        return np.mean([voice_of(n) for n in rng.choice(names, min(count, len(names)), replace=False)], 0)

    voices = {"default": np.mean([mean(names, BLEND // len(groups)) for names in groups.values()], 0)}
    return voices | {f"{g}{i}": mean(names, BLEND) for i in range(1, each + 1) for g, names in groups.items()}


def anonymous_voice(decoder: Decoder, seed: int) -> Voice:
    """A voice that is nobody's: all voices of the release, mixed at random, from a vocal tract of its own.

    Every mixture is as likely as any other, and none lies outside of the voices' convex hull.

    Args:
        decoder: of the release.
        seed: at least 0; equal ones give equal voices.
    """
    rng = np.random.default_rng(seed)
    voices = np.stack([decoder.voice(name).embedding for name in decoder.voices])
    shares = rng.dirichlet(np.ones(len(voices)))
    return Voice((shares @ voices).astype(np.float32), float(TRACT ** rng.uniform(-1, 1)))


def pseudonym(decoder: Decoder, name: str) -> Voice:
    """A voice that is nobody's and always the same for a ``name``: who hears it twice knows it again.

    Args:
        decoder: of the release.
        name: any text; who knows it can make the same voice.
    """
    return anonymous_voice(decoder, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def _voices_of(checkpoint: Checkpoint, corpus: Corpus) -> Callable[[str], Floats]:
    """The voice of a speaker by name: a row of the table, or what the ResNet hears in the first recording."""
    table = checkpoint.model.get("speaker/embeddings")
    if table is not None:
        rows = {name: i for i, (name, _) in enumerate(checkpoint.speakers)}
        return lambda name: table[rows[name]]
    listen = _resnet(checkpoint.network)

    def first_recording(name: str) -> Floats:
        for _, pcm in load(corpus.select(speakers=[name])):
            return listen(log_mel(to_float32(pcm), checkpoint.preset.front_end))
        raise ModelError(f"no recording of speaker {name} can be read")

    return first_recording


def _resnet(network: Network) -> Callable[[Floats], Floats]:
    """Log-mel of a recording to the voice that the network's Thin ResNet-34 hears in it."""
    speaker = build_speaker(network.preset, 0)
    assign_variables(speaker, network.arrays, "release")
    return lambda mel: np.asarray(speaker(mel[None]))[0]


def enrol(decoder: Decoder, codes: npt.ArrayLike, audio: npt.ArrayLike, steps: int = 150) -> Voice:
    """The voice of a recording. It identifies its speaker: send it only where that is wanted.

    A network with a Thin ResNet-34 hears it. One with a table finds the voice with which its mel head best gives
    back the recording; nothing else is trained.

    Args:
        decoder: of the codebook.
        codes: of the recording.
        audio: the recording, samples in [-1, 1], ideally 10 s or more.
        steps: of gradient descent.

    Raises:
        ModelError: the release has neither a ResNet nor a mel head.
        AudioError: the recording is shorter than half a second.
    """
    network = decoder.network
    mel = log_mel(audio, network.preset.front_end)
    if len(mel) < SHORTEST:
        raise AudioError("the recording is too short for a voice; give some seconds of speech")
    if network.preset.speaker.kind == "resnet":
        return Voice(_resnet(network)(mel))
    decoder.mel(codes, decoder.voice())  # the errors that it may raise, before any work
    vectors, target = _pieces(network, np.asarray(codes), mel)
    voice = tf.Variable(decoder.voice().embedding[None])
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
    return Voice(voice.numpy()[0])


def _pieces(network: Network, codes: npt.NDArray[np.int64], mel: Floats) -> tuple[Floats, Floats]:
    """Code vectors ``[P, n, D]`` and mel ``[P, n * stride, mels]`` in pieces of equal length.

    A batch of pieces is many times faster than one long sequence through the recurrent layers. What is left over at
    the end is dropped, unless it is all there is.
    """
    stride = network.preset.stride
    usable = min(len(codes), len(mel) // stride)
    length = min(PIECE, usable)
    pieces = usable // length
    used = pieces * length
    vectors = network.codebook[codes[:used]].reshape(pieces, length, -1)
    return vectors, mel[: used * stride].reshape(pieces, length * stride, -1)
