"""Deep features of utterances: what the encoder of a recogniser makes of them, summed up over time.

Whisper was trained on 680,000 hours to tell words from sound (Radford et al. 2022). On the way it hears who speaks and
in what mood; statistics of its states are what self-supervised features are to the paper's attackers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import to_float32
from edgy_tf.errors import MissingDependencyError
from evaluation.cache import cached_row
from evaluation.features import LEVEL, Floats

LONGEST = 8
"""Seconds of an utterance that are heard."""

FRAME = 320
"""Samples of a state."""

RATE = 16000

WIDTH = 512
"""Numbers of a state."""


def deep(clips: Iterable[npt.NDArray[Any]], cache: Path, *, total: int | None = None) -> Floats:
    """Mean and deviation over time of the last states of Whisper base's encoder.

    Each clip is brought to one level first, as for the acoustic features.

    Args:
        clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].
        cache: folder that keeps what was computed, by content; it is made if missing.
        total: how many clips there are, for the progress bar.

    Returns:
        ``[clips, 2 * WIDTH]``; a clip shorter than a state (20 ms) is a row of NaN.

    Raises:
        MissingDependencyError: Keras or Whisper's weights are not installed.
    """
    listen: Callable[[Floats], Floats] | None = None

    def row(clip: npt.NDArray[Any]) -> Floats:
        nonlocal listen
        if listen is None:
            listen = _encoder()
        return _statistics(to_float32(clip), listen)

    rows = [
        cached_row(cache, "whisper-base encoder, mean and deviation", clip, row)
        for clip in tqdm(clips, "deep features", total, unit="clip")
    ]
    return np.array(rows, np.float32).reshape(len(rows), 2 * WIDTH)


def _encoder() -> Callable[[Floats], Floats]:
    """Samples of whole seconds to states; one compilation for each number of seconds."""
    try:
        import tensorflow as tf

        from edgy_tf.models.whisper import MELS, WINDOW, WhisperEncoder, whisper_features
        from edgy_tf.train.teacher import load_teacher
    except ImportError as error:
        raise MissingDependencyError("deep features need Keras; run: pip install 'edgy-tf[cloud]'") from error
    whisper = WhisperEncoder(load_teacher())
    whisper.build((None, None, MELS))

    def states(samples: Any) -> Any:
        around = tf.pad(samples[None], ((0, 0), (WINDOW // 2, WINDOW // 2 - 1)))
        return whisper(whisper_features(around))[0]

    @functools.cache
    def compiled(length: int) -> Any:
        return tf.function(states).get_concrete_function(tf.TensorSpec([length]))

    return lambda samples: np.asarray(compiled(len(samples))(tf.constant(samples)))


def _statistics(speech: Floats, listen: Callable[[Floats], Floats]) -> Floats:
    speech = speech[: LONGEST * RATE]
    if len(speech) < FRAME:
        return np.full(2 * WIDTH, np.nan, np.float32)
    level = float(np.sqrt(np.mean(np.square(speech)))) or 1.0
    padded = np.pad(speech * (LEVEL / level), (0, -len(speech) % RATE)).astype(np.float32)
    states = listen(padded)[: len(speech) // FRAME]
    return np.concatenate([states.mean(0), states.std(0)])
