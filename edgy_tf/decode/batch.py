"""Rows of a WaveRNN that advance together, whoever asked for them: streams, and the folds of utterances.

Any number of threads draw at a time. One of them advances the rows of all by a mel frame, again and again, until its
own are drawn; then another does. So rows join and leave between frames, and no thread is kept for it. A row's samples
do not depend on the rows beside it (`edgy_tf.decode.kernel`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from edgy_tf.cpus import cpus
from edgy_tf.decode.kernel import Classes, Weights, advance

Floats = npt.NDArray[np.float32]

MOST = 32
"""Rows that one core advances at a time. More are no faster, and each would wait for more."""


@dataclass(eq=False)
class Row:
    """What a WaveRNN remembers of what it has drawn.

    Attributes:
        state: of the GRU, ``[H]``.
        last: classes of the last bunch, ``[S]``.
    """

    state: Floats
    last: Classes


@dataclass(eq=False)
class Piece:
    """What a row has to draw next.

    Attributes:
        row: that goes on; it must be in no other piece meanwhile.
        conditioning: ``[frames, C]``, at least one frame.
        noise: uniform in [0, 1), ``[frames, hop]``.
        classes: what is drawn, ``[frames, hop]``.
    """

    row: Row
    conditioning: Floats
    noise: Floats
    classes: npt.NDArray[np.uint16] = field(init=False)
    _frame: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.classes = np.empty(self.noise.shape, np.uint16)

    @property
    def drawn(self) -> bool:
        """Whether nothing is left to draw."""
        return self._frame == len(self.noise)


class _Job:
    """Pieces of one thread: those that wait are not made before their time."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._waiting: Iterator[Piece] = iter(pieces)
        self.next = next(self._waiting, None)
        self.running = 0
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.next is None and not self.running

    def start(self) -> Piece:
        assert self.next is not None
        piece, self.next = self.next, None
        self.running += 1
        try:
            self.next = next(self._waiting, None)
        except Exception as error:  # Theirs who asked for the pieces, and not of the thread that runs this.
            self.error = error
        return piece


class Batch:
    """All pieces that are being drawn from one WaveRNN.

    Args:
        weights: of the WaveRNN.
        cores: that advance rows; None takes all that the process may use.
    """

    def __init__(self, weights: Weights, cores: int | None = None) -> None:
        self._weights = weights
        self._cores = cores or cpus()
        self._pool = ThreadPoolExecutor(self._cores, thread_name_prefix="edgy-wavernn")
        self._changed = threading.Condition()
        self._jobs: list[_Job] = []
        self._running: list[tuple[_Job, Piece]] = []
        self._led = False

    def draw(self, pieces: Iterable[Piece]) -> None:
        """Draw all pieces, together with those of other threads; return when they are drawn."""
        job = _Job(pieces)
        with self._changed:
            self._jobs.append(job)
            while not job.done:
                if self._led:
                    self._changed.wait()
                    continue
                self._led = True
                try:
                    while not job.done:
                        self._step()
                finally:
                    self._led = False
                    self._changed.notify_all()
        if job.error is not None:
            raise job.error

    def _step(self) -> None:
        """Let rows join, advance all by a frame, let those that are drawn leave. Others may add jobs meanwhile."""
        while len(self._running) < MOST * self._cores and (waiting := [job for job in self._jobs if job.next]):
            # No utterance of many folds keeps the others out.
            job = min(waiting, key=lambda j: j.running)
            self._running.append((job, job.start()))
        pieces = [piece for _, piece in self._running]
        self._changed.release()
        try:
            self._advance(pieces)
        finally:
            self._changed.acquire()
        for job, piece in self._running:
            job.running -= piece.drawn
        self._running = [(job, piece) for job, piece in self._running if not piece.drawn]
        if any(job.done for job in self._jobs):
            self._jobs = [job for job in self._jobs if not job.done]
            self._changed.notify_all()

    def _advance(self, pieces: list[Piece]) -> None:
        parts = [pieces[i :: self._cores] for i in range(min(self._cores, len(pieces)))]
        others = [self._pool.submit(_draw_frame, self._weights, part) for part in parts[1:]]
        _draw_frame(self._weights, parts[0])
        for other in others:
            other.result()


def _draw_frame(weights: Weights, pieces: list[Piece]) -> None:
    state = np.stack([p.row.state for p in pieces])
    last = np.stack([p.row.last for p in pieces])
    conditioning = np.stack([p.conditioning[p._frame] for p in pieces])
    noise = np.stack([p.noise[p._frame] for p in pieces])
    classes = np.empty(noise.shape, np.int32)
    advance(weights, state, last, conditioning, noise, classes)
    for i, piece in enumerate(pieces):
        piece.row.state, piece.row.last = state[i], last[i]
        piece.classes[piece._frame] = classes[i]
        piece._frame += 1
