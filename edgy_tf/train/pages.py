"""Pages: whole utterances one after the other, and the tokens that a recogniser writes of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import CorpusError
from edgy_tf.train.prepared import Prepared
from edgy_tf.whisper_base import END, PROMPT, TICK, ZERO

FRAMES, TOKENS = 1720, 128
"""Of a page: 17.2 s are filled with whole utterances."""


@dataclass(frozen=True)
class Pages:
    """What pages are made of.

    Attributes:
        lengths: frames of each utterance, ``[U]``.
        texts: tokens of each; an utterance without any is on no page.
    """

    lengths: npt.NDArray[np.int64]
    texts: Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        if not self._shares.any():
            raise CorpusError(f"no utterance with words and of at most {FRAMES // 100} s; add speech")

    @classmethod
    def of(cls, data: Prepared, stride: int) -> Pages:
        """Of prepared speech with texts; ``stride`` frames are one code, and of an utterance whole codes count."""
        assert data.texts is not None
        return cls(np.diff(data.code_bounds(stride)) * stride, data.texts)

    @functools.cached_property
    def _shares(self) -> npt.NDArray[np.int64]:
        """How often each is drawn: by its length, and never if it has no words or is too long for a page."""
        words = np.array([len(text) for text in self.texts])
        fits = (words > 0) & (len(PROMPT) + words < TOKENS) & (self.lengths <= FRAMES)
        return np.where(fits, self.lengths, 0)

    def draw(self, rng: np.random.Generator, speed: float = 1.0) -> tuple[list[tuple[int, int]], npt.NDArray[np.int32]]:
        """A random page.

        Args:
            rng: draws it.
            speed: at which all of it will be played.

        Returns:
            its utterances, each with the frame it begins at before it is played so; and its tokens ``[TOKENS + 1]``.
        """
        tokens = np.full(TOKENS + 1, END, np.int32)
        tokens[: len(PROMPT)] = PROMPT
        places: list[tuple[int, int]] = []
        frame, place, odds = 0, len(PROMPT), self._shares / self._shares.sum()
        while True:
            u = int(rng.choice(len(self.texts), p=odds))
            text, length = self.texts[u], int(self.lengths[u])
            if frame + length > FRAMES * speed or place + len(text) >= TOKENS:
                return places, tokens
            places.append((u, frame))
            tokens[place : place + len(text)] = [_moved(t, frame // TICK, speed) for t in text]
            frame, place = frame + length, place + len(text)


def _moved(token: int, ticks: int, speed: float) -> int:
    """A token of time so much later, and played at ``speed``; any other as it is."""
    return ZERO + round((token - ZERO + ticks) / speed) if token >= ZERO else token
