"""A cloud that speaks the protocol over real sockets, remembers what it got, and fails on demand."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from edgy_tf.errors import WireError
from edgy_tf.wire import CodesPacket, StreamReader


@dataclass
class Received:
    """One stream as the cloud knows it."""

    opening: dict[str, Any]
    header: bytes = b""
    packets: list[bytes] = field(default_factory=list)
    repeats: int = 0
    done: dict[str, Any] | None = None

    @property
    def data(self) -> bytes:
        return self.header + b"".join(self.packets)


class Cloud:
    """A server on loopback in a thread of its own.

    Attributes:
        streams: by id, in the order in which they were opened.
        finished: ids in the order in which they were done.
        hang_up_after: packets after which the next connections break, one number for each.
        refusal: close code and message for every stream.
        swallow_done: connections that break just before ``done`` is said.
        tokens: Authorization headers that came.
    """

    def __init__(self, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.streams: dict[str, Received] = {}
        self.finished: list[str] = []
        self.hang_up_after: list[int] = []
        self.refusal: tuple[int, str] | None = None
        self.swallow_done = 0
        self.tokens: list[str | None] = []
        self.connections = 0
        self.port = 0
        self._token, self._tls = token, tls
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://localhost:{self.port}"

    @contextmanager
    def running(self) -> Iterator[Cloud]:
        """Serve while the block runs, on the same port each time."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self._start(), loop).result(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(server), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def wait(self, condition: Any, seconds: float = 20) -> None:
        """Wait until ``condition()`` holds."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), (self.finished, self.streams)

    async def _start(self) -> Server:
        server = await serve(
            self._serve, "127.0.0.1", self.port, process_request=self._admit, ssl=self._tls, close_timeout=0.1
        )
        self.port = next(iter(server.sockets)).getsockname()[1]
        return server

    async def _stop(self, server: Server) -> None:
        for connection in list(server.connections):
            connection.transport.abort()  # killed: nobody says goodbye
        server.close()
        await server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.tokens.append(request.headers.get("Authorization"))
        if request.path != "/v1/stream":
            return connection.respond(HTTPStatus.NOT_FOUND, "no such path\n")
        if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.connections += 1
        try:
            await self._converse(socket)
        except ConnectionClosed:
            pass
        finally:
            with self._changed:
                self._changed.notify_all()

    async def _converse(self, socket: ServerConnection) -> None:
        opening = json.loads(await socket.recv())
        assert opening["type"] == "open"
        if self.refusal:
            code, message = self.refusal
            await socket.send(json.dumps({"type": "error", "message": message}))
            await socket.close(code)
            return
        stream = self.streams.setdefault(opening["stream"], Received(opening))
        with self._changed:
            self._changed.notify_all()
        if stream.done:
            await socket.send(json.dumps(stream.done))
            return
        await socket.send(json.dumps({"type": "ready", "next": len(stream.packets)}))
        header = await socket.recv()
        assert isinstance(header, bytes)
        assert stream.header in (b"", header)
        stream.header = header
        left = self.hang_up_after.pop(0) if self.hang_up_after else None
        while not (stream.packets and stream.packets[-1][0] == 3):
            if left == 0:
                socket.transport.abort()
                return
            packet = await socket.recv()
            assert isinstance(packet, bytes)
            number = int.from_bytes(packet[1:5], "little")
            assert number <= len(stream.packets), "a gap"
            if number < len(stream.packets):
                stream.repeats += 1
                continue
            stream.packets.append(packet)
            left = None if left is None else left - 1
            with self._changed:
                self._changed.notify_all()
            await socket.send(json.dumps({"type": "ack", "next": number + 1}))
            await socket.send(json.dumps({"type": "transcript", "text": "so far", "final": False}))
        await self._finish(socket, stream)

    async def _finish(self, socket: ServerConnection, stream: Received) -> None:
        reader, codes = StreamReader(), 0
        try:
            for packet in reader.feed(stream.data):
                codes += len(packet.codes) if isinstance(packet, CodesPacket) else 0
            reader.finish()
        except WireError as error:
            await socket.send(json.dumps({"type": "error", "message": str(error)}))
            await socket.close(1008)
            return
        text = f"{codes} codes"
        stream.done = {"type": "done", "codes": codes, "samples": 0, "text": text}
        self.finished.append(stream.opening["stream"])
        if self.swallow_done:
            self.swallow_done -= 1
            socket.transport.abort()
            return
        await socket.send(json.dumps({"type": "transcript", "text": text, "final": True}))
        await socket.send(json.dumps(stream.done))
