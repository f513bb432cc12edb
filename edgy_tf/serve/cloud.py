"""Everything that a server holds, put together once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edgy_tf.serve.auth import ANYONE, Client, RateLimiter, TokenFile
from edgy_tf.serve.engine import Engine
from edgy_tf.serve.refusals import BusyError
from edgy_tf.serve.settings import Settings
from edgy_tf.serve.show import PlayedDevice, Show
from edgy_tf.serve.store import VoiceStore
from edgy_tf.serve.streams import Streams
from edgy_tf.serve.voices import Voices


class Cloud:
    """A server's parts.

    Args:
        engine: decoder and recogniser.
        store: of enrolled voices.
        tokens: that are let in; None lets in everyone, as one client.
        settings: limits.
        device: that the server plays in a demonstration, if it does.
    """

    def __init__(
        self,
        engine: Engine,
        store: VoiceStore,
        tokens: TokenFile | None,
        settings: Settings,
        device: PlayedDevice | None = None,
    ) -> None:
        self.engine = engine
        self.store = store
        self.settings = settings
        self.metrics = engine.metrics
        self.voices = Voices(engine.decoder, store)
        self.streams = Streams(engine, settings)
        self.show = Show(engine, settings.queue)
        self.device = device
        self._tokens = tokens
        self._limiter = RateLimiter()
        self._connections = 0

    def client(self, token: str | None) -> Client:
        """Who asks, and count that they did.

        Raises:
            UnauthorisedError: the token is none of this server's.
            TooManyError: the client asks too often.
        """
        client = ANYONE if self._tokens is None else self._tokens.client(token)
        self._limiter.take(client)
        return client

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Count a connection of a stream, from before it has said who it is.

        Raises:
            BusyError: there are twice as many as there may be streams.
        """
        if self._connections >= 2 * self.settings.streams:
            raise BusyError("the server has as many connections as it can; come back later", 5)
        self._connections += 1
        self.metrics.connected.set(self._connections)
        try:
            yield
        finally:
            self._connections -= 1
            self.metrics.connected.set(self._connections)

    def close(self) -> None:
        """Give everything back."""
        if self.device is not None:
            self.device.close()
        self.show.close()
        self.engine.close()
        self.store.close()
