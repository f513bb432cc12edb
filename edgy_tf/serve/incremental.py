"""Text and speech of a stream whose codes are still coming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgy_tf.serve.engine import Codes, Engine, Floats

if TYPE_CHECKING:
    from edgy_tf.decode.stream import SpeechStream
    from edgy_tf.decode.voice import Voice

PARTIAL_SECONDS = 2.0
"""New speech after which the text is read again."""
SETTLE_SECONDS = 15.0
"""Speech that is read again each time; beyond it, all phrases but the last are settled."""
LONGEST_SECONDS = 28.0
"""Speech without a pause that is settled all the same: Whisper hears 30 s at a time."""

BODY_SECONDS = 1.0
"""Speech that a segment adds."""
CONTEXT_SECONDS = 0.2
"""Speech before and after a segment's own that it is decoded with."""
FADE_SECONDS = 0.04
"""Over which a segment fades into the next."""
SEARCH_SECONDS = 0.01
"""By which a segment is shifted at most, so that it meets the one before in phase."""


class IncrementalText:
    """The words so far. What is settled is not read again, so that the work grows with the speech and not its square.

    Args:
        engine: that reads.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._settled: list[str] = []
        self._start = 0
        self._read = 0

    def due(self, codes: Codes) -> bool:
        """Whether a partial transcript of ``codes [n]`` is worth its work."""
        return len(codes) - self._read >= PARTIAL_SECONDS * self._engine.code_rate

    async def read(self, codes: Codes, final: bool = False) -> str:
        """The text of all ``codes [n]`` so far; the final one waits for its turn however long the queue.

        Raises:
            BusyError: too much waits already, and the text is not the final one.
        """
        rate, window = self._engine.code_rate, codes[self._start :]
        segments = await self._engine.read(window, admitted=final)
        self._read = len(codes)
        texts = [segment.text for segment in segments]
        whole = " ".join(filter(None, [*self._settled, *texts]))
        last = int(segments[-1].start * rate) if segments else 0
        if len(window) >= SETTLE_SECONDS * rate and 0 < last <= len(window):
            self._settled += texts[:-1]
            self._start += last
        elif len(window) >= LONGEST_SECONDS * rate:
            self._settled += texts
            self._start += len(window)
        return whole


class IncrementalSpeech:
    """Speech in segments: it comes `BODY_SECONDS` + `CONTEXT_SECONDS` after its codes began.

    The WaveRNN goes on where it was. Another vocoder sees each segment alone and chooses its phases anew, so segments
    overlap, and each is shifted by a few milliseconds to where it is most like the end of the one before (synchronised
    overlap-add, Roucos and Wilgus 1985). Shifts do not add up: the samples are as many as those of the codes.

    Args:
        engine: that decodes.
        voice: in which to speak.
    """

    def __init__(self, engine: Engine, voice: Voice) -> None:
        self._engine = engine
        self._voice = voice
        self._stream = engine.stream(voice)
        self._per_code = engine.header.samples_per_code
        rate = engine.header.sample_rate
        self._body = max(1, round(BODY_SECONDS * engine.code_rate))
        self._context = max(1, round(CONTEXT_SECONDS * engine.code_rate))
        self._fade = int(FADE_SECONDS * rate)
        self._search = int(SEARCH_SECONDS * rate)
        self._begun = 0
        self._tail = np.zeros(0, np.float32)

    def due(self, codes: Codes) -> bool:
        """Whether ``codes [n]`` are enough for the next segment."""
        return len(codes) - self._begun >= self._body + self._context

    async def speak(self, codes: Codes) -> Floats:
        """The next segment of ``codes [n]``, when it is `due`: samples that follow those given before.

        Raises:
            BusyError: too much waits already.
        """
        end = self._begun + self._body
        heard = codes[: end + self._context]
        if self._stream is not None:
            return await self._follow(self._stream, heard, end)
        wave = await self._decode(heard)
        whole = self._joined(wave, end * self._per_code - self._place + self._fade)
        self._tail, self._begun = whole[len(whole) - self._fade :], end
        return whole[: len(whole) - self._fade]

    async def finish(self, codes: Codes, samples: int) -> Floats:
        """All that is left, when ``codes [n]`` are all there are and stand for ``samples`` of audio."""
        left = max(0, samples - self._begun * self._per_code)
        if self._stream is not None:
            return (await self._follow(self._stream, codes, len(codes), admitted=True))[:left]
        wave = await self._decode(codes, admitted=True)
        rest = self._joined(wave, len(wave))[:left]
        self._tail, self._begun = rest[:0], len(codes)
        return rest

    @property
    def _first(self) -> int:
        return max(0, self._begun - self._context)

    @property
    def _place(self) -> int:
        """Sample of the stream at which what is decoded next begins."""
        return self._first * self._per_code

    async def _follow(self, stream: SpeechStream, codes: Codes, end: int, admitted: bool = False) -> Floats:
        first = self._first
        speech, self._stream = await self._engine.follow(
            stream, codes[first:], self._begun - first, end - first, admitted
        )
        self._begun = end
        return speech

    async def _decode(self, codes: Codes, admitted: bool = False) -> Floats:
        return await self._engine.speak(codes[self._first :], self._voice, admitted)

    def _joined(self, wave: Floats, end: int) -> Floats:
        """``wave`` from where the stream has come to until ``end``, the tail of the segment before faded into it."""
        start = self._begun * self._per_code - self._place
        if not len(self._tail):
            return wave[start:end]
        shift = _best_shift(wave, self._tail, start, self._search)
        joined = wave[start + shift : end + shift].copy()
        # The wave may end too early to be shifted to the left, or hold less than a fade after the last segment.
        joined = np.pad(joined, (0, end - start - len(joined)))
        overlap = min(len(self._tail), len(joined))
        fade = (np.arange(overlap, dtype=np.float32) + 0.5) / len(self._tail)
        joined[:overlap] = joined[:overlap] * fade + self._tail[:overlap] * (1 - fade)
        return joined


def _best_shift(wave: Floats, tail: Floats, start: int, search: int) -> int:
    """Shift within ``search`` at which ``wave`` from ``start`` is most like ``tail``."""
    piece = wave[start - search : start + search + len(tail)].astype(np.float64)
    if len(piece) < len(tail) + 2 * search:
        return 0
    views: npt.NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(piece, len(tail))
    likeness = views @ tail / np.sqrt(np.square(views).sum(1) + 1e-9)
    return int(likeness.argmax()) - search
