"""The node: a thread that listens and encodes, a loop that sends and answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator

from edgy_tf.errors import SourceError
from pi_runtime.node.counts import Counts
from pi_runtime.node.delivery import backoff, drain
from pi_runtime.node.gate import END, SAMPLE_RATE, START, Gate, Pcm
from pi_runtime.node.levels import ChosenLevel
from pi_runtime.node.session import Session
from pi_runtime.node.sinks import Sink
from pi_runtime.node.sources import Source
from pi_runtime.node.spool import Spool
from pi_runtime.node.utterance import Bell

log = logging.getLogger(__name__)
GRACE_S = 5.0
"""How long a node that was told to stop still sends; what is left waits in the spool."""


class Node:
    """Listens to one source and sends to one sink.

    Args:
        source: of sound.
        gate: finds utterances in it.
        session: encodes them.
        level: in force when an utterance begins.
        spool: where they wait.
        sink: where they go.
        counts: of what happened.
        delays: seconds to wait after each failure of source or sink.
    """

    def __init__(
        self,
        source: Source,
        gate: Gate,
        session: Session,
        level: ChosenLevel,
        spool: Spool,
        sink: Sink,
        counts: Counts,
        delays: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self._source, self._gate, self._session, self._level = source, gate, session, level
        self._spool, self._sink, self._counts, self._delays = spool, sink, counts, delays
        self._stop, self._stopped = threading.Event(), Bell()

    def stop(self) -> None:
        """End the utterance that is open, send what can be sent at once, return."""
        self._stop.set()
        self._stopped.ring()

    async def run(self) -> None:
        """Run until the source ends, and all is sent, or until ``stop``; SIGTERM and SIGINT stop it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError):  # not the main thread, which alone gets signals
                loop.add_signal_handler(number, self.stop)
        sending = asyncio.create_task(drain(self._spool, self._sink, self._counts, self._delays))
        tasks = [sending]
        try:
            await self._first(sending, asyncio.create_task(asyncio.to_thread(self.listen)))
            tasks += [asyncio.create_task(self._spool.empty()), asyncio.create_task(self._patience())]
            await self._first(*tasks)
        finally:
            self._stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if left := len(self._spool):
                log.info("stopped; %d streams wait in the spool", left)

    def listen(self) -> None:
        """Take sound from the source until it ends, or until ``stop``; a source that falls silent is tried again."""
        waits = self._delays()
        while not self._stop.is_set():
            try:
                for chunk in self._source.chunks(self._stop):
                    if not self._counts.listening:
                        self._counts.listening = True
                        waits = self._delays()
                        log.info("listening")
                    self._hear(chunk)
                break
            except SourceError as error:
                if self._counts.listening or not self._counts.interruptions:
                    log.warning("%s; trying again", error)
                self._counts.interruptions += 1
                self._counts.listening = False
                self._obey(self._gate.flush())
                self._stop.wait(next(waits))
        self._counts.listening = False
        self._obey(self._gate.flush())

    def _hear(self, chunk: Pcm) -> None:
        self._counts.seconds_heard += len(chunk) / SAMPLE_RATE
        self._obey(self._gate.process(chunk))
        # A file can wait for the network; a microphone cannot, and the spool then drops what is oldest.
        while not self._source.live and self._spool.crowded and not self._stop.wait(0.05):
            pass

    def _obey(self, steps: Iterator[str | Pcm]) -> None:
        for step in steps:
            if isinstance(step, str):
                if step == START:
                    self._begin()
                elif step == END:
                    self._session.end()
            else:
                self._session.write(step)

    def _begin(self) -> None:
        self._counts.utterances += 1
        level = self._level.current()
        utterance = self._spool.begin(level)
        self._session.begin(level, lambda data: self._spool.append(utterance, data))

    async def _patience(self) -> None:
        """Return a while after ``stop``."""
        await self._stopped.wait()
        await asyncio.sleep(GRACE_S)

    async def _first(self, *tasks: asyncio.Task[None]) -> None:
        """Wait for the first task to end, and raise what it raised."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
