"""Decoder and recogniser behind bounded queues, so that the event loop never works and memory never grows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import CodebookMismatchError, EdgyError
from edgy_tf.recognisers import Recogniser, Segment
from edgy_tf.releases import Release
from edgy_tf.serve.metrics import Metrics
from edgy_tf.serve.refusals import BusyError
from edgy_tf.wire import Prior, StreamHeader

if TYPE_CHECKING:
    from edgy_tf.decode import Decoder
    from edgy_tf.decode.stream import SpeechStream
    from edgy_tf.decode.voice import Voice

T = TypeVar("T")
Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]


class Lane:
    """A thread, which is all that TensorFlow and CTranslate2 need to use every core, and the jobs that wait for it.

    Args:
        name: of the lane in metrics.
        queue: jobs that may wait or run.
        metrics: that count them.
        together: jobs that run at a time, where they share their work.
    """

    def __init__(self, name: str, queue: int, metrics: Metrics, together: int = 1) -> None:
        self._name = name
        self._queue = queue
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(together, thread_name_prefix=f"edgy-{name}")
        self._lock = threading.Lock()
        self._pending = 0

    @property
    def full(self) -> bool:
        """Whether `run` would refuse a job."""
        return self._pending >= self._queue

    async def run(self, job: Callable[[], T], admitted: bool = False) -> T:
        """Run a job on a thread of the lane.

        A job that is cancelled while it waits is never run; one that runs keeps its place until it ends.

        Args:
            job: what to do.
            admitted: it belongs to a stream that was let in, whose number is bounded elsewhere, and may wait.

        Raises:
            BusyError: the queue is full.
        """
        if self.full and not admitted:
            self._metrics.refused.labels(self._name).inc()
            raise BusyError("the server is at its capacity; come back later", retry_after=1 + self._pending)
        self._count(1)
        future = self._pool.submit(job)
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop the jobs that wait, and end the threads after those that run."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _done(self, _: Future[T]) -> None:
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._pending += change
            self._metrics.pending.labels(self._name).set(self._pending)
        if change > 0:
            self._metrics.jobs.labels(self._name).inc()


class Engine:
    """What turns codes into speech and text.

    Args:
        release: whose codes are understood.
        decoder: of the release.
        recogniser: that reads the codes' words.
        queue: jobs that may wait for each of the two.
        metrics: that count them.

    Raises:
        EdgyError: the release has no words, or the recogniser takes sound only.
    """

    def __init__(
        self, release: Release, decoder: Decoder, recogniser: Recogniser, queue: int, metrics: Metrics
    ) -> None:
        self.release = release
        self.decoder = decoder
        if not self.decoder.has_words:
            raise EdgyError(f"release {release.name} has no head for words; train with a 'mel' or 'content' phase")
        if not recogniser.reads:
            raise EdgyError(f"{recogniser.name} takes sound only; choose whisper-base")
        self.prior = Prior(release.codebook_id, release.counts())
        self.metrics = metrics
        self._recogniser = recogniser
        # Jobs of the WaveRNN advance in one batch (`edgy_tf.decode.batch`); others take the cores from one another.
        self._streams = decoder.vocoder == "wavernn"
        self._speech = Lane("speech", queue, metrics, queue if self._streams else 1)
        self._text = Lane("text", queue, metrics)
        preset = self.decoder.network.preset
        self.header = StreamHeader(
            release.codebook_id, preset.codebook.size, self.decoder.sample_rate, preset.samples_per_code
        )

    @property
    def code_rate(self) -> float:
        """Codes a second."""
        return float(self.header.code_rate)

    @property
    def full(self) -> bool:
        """Whether nothing more should be let in."""
        return self._speech.full or self._text.full

    async def warm_up(self) -> None:
        """Compile what is compiled at the first use, so that no client waits for it."""
        voice = self.decoder.voice()
        # Two lengths, after which TensorFlow compiles once for all of them.
        for seconds in (1, 2):
            codes = np.zeros(round(seconds * self.code_rate), np.int32)
            await asyncio.gather(self.speak(codes, voice, admitted=True), self.read(codes, admitted=True))

    def check(self, header: StreamHeader) -> None:
        """Refuse a stream of another codebook.

        Raises:
            CodebookMismatchError: naming both, or the header gives this codebook's codes another size or rate.
        """
        self.decoder.check(header.codebook_id)
        ours, theirs = ((h.codebook_size, h.sample_rate, h.samples_per_code) for h in (self.header, header))
        if ours != theirs:
            raise CodebookMismatchError(
                f"codebook {header.codebook_id} has size, sample rate and samples a code {ours}, not {theirs}"
            )

    async def speak(self, codes: Codes, voice: Voice, admitted: bool = False) -> Floats:
        """Speech for codes ``[n]``: as ``Decoder.decode``.

        Raises:
            BusyError: too much waits already.
            ModelError: as ``Decoder.decode``.
        """
        return await self._speech.run(lambda: self.decoder.decode(codes, voice), admitted)

    def stream(self, voice: Voice) -> SpeechStream | None:
        """Speech of codes that are still coming, if the release's vocoder can go on where it was."""
        return self.decoder.stream(voice) if self._streams else None

    async def follow(
        self, stream: SpeechStream, codes: Codes, start: int, end: int, admitted: bool = False
    ) -> tuple[Floats, SpeechStream]:
        """The next piece of a stream: as ``SpeechStream.speak``.

        Raises:
            BusyError: too much waits already.
            ModelError: as ``SpeechStream.speak``.
        """
        return await self._speech.run(lambda: stream.speak(codes, start, end), admitted)

    async def read(self, codes: Codes, admitted: bool = False) -> list[Segment]:
        """The words in codes ``[n]``.

        Raises:
            BusyError: too much waits already.
            ModelError: a code outside of the codebook.
        """
        if not len(codes):
            return []
        return await self._text.run(lambda: self._recogniser.read_segments(self.decoder.words(codes)), admitted)

    def close(self) -> None:
        """End the threads."""
        self._speech.close()
        self._text.close()
