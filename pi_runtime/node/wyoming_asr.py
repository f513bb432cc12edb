"""Speech to text for Home Assistant: a Wyoming server that sends codes to the cloud, never sound, and returns text."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable

import numpy as np
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioChunkConverter, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler

from edgy_tf import __version__
from edgy_tf.errors import AudioError, EdgyError, RejectedError, UplinkError
from pi_runtime.node.counts import Counts
from pi_runtime.node.delivery import backoff
from pi_runtime.node.gate import SAMPLE_RATE, Gate, Pcm
from pi_runtime.node.levels import ChosenLevel
from pi_runtime.node.session import Session
from pi_runtime.node.sinks import Sink
from pi_runtime.node.utterance import Utterance

log = logging.getLogger(__name__)
LONGEST_S = 120
"""Sound of one request after which the rest is not heard, in seconds."""
PATIENCE_S = 30.0
"""How long a stream is tried again for somebody who waits for the answer, in seconds."""
SESSIONS = 4
"""Requests that are heard at the same time; each needs an encoder of its own."""
LANGUAGES = ["en"]
_MALFORMED = (KeyError, ValueError, TypeError, AttributeError)
_RATES = range(8000, 192_001)


def info(release: str) -> Info:
    """What the service says of itself."""
    attribution = Attribution("EDGY", "https://arxiv.org/abs/2011.02930")
    reading = f"codes of release {release}, read as text by the cloud"
    model = AsrModel(release, attribution, True, reading, __version__, LANGUAGES)
    return Info(asr=[AsrProgram("edgy", attribution, True, "speech to text that sends no sound", __version__, [model])])


class Service:
    """What the connections share.

    Args:
        new_session: makes an encoder session; raises what ``Session`` does.
        new_gate: makes a gate.
        level: in force when a request's speech begins.
        sink: where streams go.
        counts: of what happened.
        about: the answer to ``describe``.
    """

    def __init__(
        self,
        new_session: Callable[[], Session],
        new_gate: Callable[[], Gate],
        level: ChosenLevel,
        sink: Sink,
        counts: Counts,
        about: Info,
    ) -> None:
        self._new_session, self.new_gate = new_session, new_gate
        self.level, self.sink, self.counts, self.about = level, sink, counts, about
        self._idle = [new_session()]  # at once, so that a wrong release is told now
        self._busy = 0

    def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Handler:
        """A handler of one connection, as `wyoming.server.AsyncServer.run` wants it."""
        return Handler(self, reader, writer)

    def take(self) -> Session:
        """A session that nobody uses.

        Raises:
            EdgyError: all are used.
        """
        if self._busy == SESSIONS:
            raise EdgyError(f"{SESSIONS} requests are being heard; try again later")
        session = self._idle.pop() if self._idle else self._new_session()
        self._busy += 1
        return session

    def give_back(self, session: Session) -> None:
        """The session is free again."""
        self._busy -= 1
        self._idle.append(session)


class Request:
    """One request: sound until ``finish``, then its text. Only what the gate takes for speech is encoded.

    Raises:
        EdgyError: too many requests at the same time.
    """

    def __init__(self, service: Service) -> None:
        self._service, self._session, self._gate = service, service.take(), service.new_gate()
        self._convert = AudioChunkConverter(rate=SAMPLE_RATE, width=2, channels=1)
        self._utterance: Utterance | None = None
        self._delivery: asyncio.Task[str] | None = None
        self._trouble = UplinkError("the cloud is silent")
        self._samples = 0

    async def hear(self, chunk: AudioChunk) -> None:
        """Take sound of any rate, width and number of channels.

        Raises:
            AudioError: a format that nobody records in.
        """
        if chunk.rate not in _RATES or chunk.width not in (1, 2, 4) or chunk.channels not in (1, 2):
            raise AudioError(
                f"sound of {chunk.rate} Hz, {chunk.width} bytes, {chunk.channels} channels; send 16 kHz mono"
            )
        whole = len(chunk.audio) // (chunk.width * chunk.channels) * (chunk.width * chunk.channels)
        chunk = self._convert.convert(dataclasses.replace(chunk, audio=chunk.audio[:whole]))
        pcm = np.frombuffer(chunk.audio, "<i2").astype(np.int16)[: LONGEST_S * SAMPLE_RATE - self._samples]
        self._samples += len(pcm)
        self._service.counts.seconds_heard += len(pcm) / SAMPLE_RATE
        await asyncio.to_thread(self._encode, pcm)
        if self._utterance is not None and self._delivery is None:
            self._delivery = asyncio.create_task(self._deliver(self._utterance))

    async def finish(self) -> str:
        """End the request and return its text; nothing was said, nothing is sent, nothing is returned.

        Raises:
            EdgyError: the cloud does not want the stream, or is away.
        """
        await asyncio.to_thread(self._end)
        if self._delivery is None:
            return ""
        try:
            return await asyncio.wait_for(self._delivery, PATIENCE_S)
        except TimeoutError:
            raise self._trouble from None

    async def close(self) -> None:
        """Forget the request, and what of it is not sent yet."""
        if self._delivery is not None:
            self._delivery.cancel()
            await asyncio.gather(self._delivery, return_exceptions=True)
        self._service.give_back(self._session)

    def _encode(self, pcm: Pcm) -> None:
        for step in self._gate.process(pcm):
            # Pauses are left out, but one request is one stream.
            if not isinstance(step, str):
                self._begin()
                self._session.write(step)

    def _begin(self) -> None:
        if self._utterance is None:
            self._service.counts.utterances += 1
            self._utterance = Utterance(self._service.level.current())
            self._session.begin(self._utterance.level, self._utterance.append)

    def _end(self) -> None:
        for step in self._gate.flush():
            if not isinstance(step, str):
                self._session.write(step)
        if self._utterance is not None:
            self._session.end()

    async def _deliver(self, utterance: Utterance) -> str:
        """Deliver again and again; who waits for the answer loses patience, not this."""
        counts, waits = self._service.counts, backoff()
        while True:
            try:
                text = await self._service.sink.deliver(utterance)
            except RejectedError:
                raise
            except UplinkError as error:
                self._trouble = error
                counts.failures += 1
                counts.connected = False
                await asyncio.sleep(next(waits))
            else:
                counts.connected = True
                counts.delivered += 1
                counts.seconds_sent += utterance.seconds
                return text


class Handler(AsyncEventHandler):
    """One connection: requests of audio-start, audio-chunks and audio-stop, each answered by transcript or error."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._service = service
        self._request: Request | None = None

    async def run(self) -> None:
        """Answer until the client leaves, or talks what is not Wyoming."""
        with contextlib.suppress(*_MALFORMED, EOFError, OSError):
            await super().run()

    async def handle_event(self, event: Event) -> bool:
        """Answer one event; False ends the connection."""
        try:
            return await self._answer(event)
        except EdgyError as error:
            log.warning("a request failed: %s", error)
            await self._close()
            await self.write_event(Error(str(error)).event())
            return True
        except _MALFORMED:
            await self.write_event(Error("not a Wyoming event").event())
            return False

    async def disconnect(self) -> None:
        """The client has left."""
        await self._close()

    async def _answer(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(self._service.about.event())
        elif Ping.is_type(event.type):
            await self.write_event(Pong(Ping.from_event(event).text).event())
        elif AudioStart.is_type(event.type):
            await self._close()
            self._request = Request(self._service)
        elif AudioChunk.is_type(event.type) and self._request is not None:
            await self._request.hear(AudioChunk.from_event(event))
        elif AudioStop.is_type(event.type) and self._request is not None:
            text = await self._request.finish()
            await self._close()
            await self.write_event(Transcript(text).event())
        return True

    async def _close(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            await request.close()
