"""A stream to the cloud over a WebSocket, while it is being spoken; goes on where it stopped when the network returns.

Protocol: ``open``, answered by ``ready`` with the number of the packet that the cloud expects next; the header; packets
from that number on, acknowledged; at last ``done``. Each packet has its sequence number, so it counts once however
often it is sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from edgy_tf.errors import MissingDependencyError, RejectedError, UplinkError
from pi_runtime.node.ledger import CONTROL, HEADER, Ledger
from pi_runtime.node.utterance import Utterance

REPLY_S = 60.0
"""Longest silence of the cloud in seconds; while somebody speaks, it acknowledges a packet every second, and
while it works on the end of a stream it says so every 20."""
CLOSE_S = 2.0
_POLICY_VIOLATION = 1008
_MAX_MESSAGE = 1 << 20


class StreamUplink:
    """The cloud at ``url``, ``ws://`` or ``wss://``.

    Args:
        url: of the cloud; ``/v1/stream`` is added.
        token: bearer token, or empty.
        ledger: records each message before it leaves.
        on_text: is told what the cloud has understood so far, and whether that is final.
        reply_s: longest silence of the cloud, in seconds.

    Raises:
        MissingDependencyError: websockets is not installed.
    """

    def __init__(
        self,
        url: str,
        token: str,
        ledger: Ledger,
        on_text: Callable[[str, bool], None] = lambda text, final: None,
        reply_s: float = REPLY_S,
    ) -> None:
        try:
            from websockets.asyncio.client import connect
        except ImportError as error:
            raise MissingDependencyError("websockets is not installed; run: pip install 'edgy-tf[node]'") from error

        class Connect(connect):
            """Never follows a redirect, which would take the token and the codes to another host."""

            def process_redirect(self, exc: Exception) -> Exception | str:
                return exc

        self._connect = Connect
        self._url = url.rstrip("/") + "/v1/stream"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._destination = urlsplit(url).netloc
        self._ledger, self._on_text, self._reply_s = ledger, on_text, reply_s

    async def deliver(self, utterance: Utterance) -> str:
        """See `pi_runtime.node.sinks.Sink`."""
        from websockets.exceptions import InvalidStatus, WebSocketException

        try:
            async with self._connect(
                self._url,
                additional_headers=self._headers,
                compression=None,
                max_size=_MAX_MESSAGE,
                close_timeout=CLOSE_S,
                ping_interval=None,  # acknowledgements tell whether the cloud lives; pings would leave unrecorded
            ) as socket:
                assert socket.request is not None
                self._ledger.record(CONTROL, len(socket.request.serialize()), utterance, self._destination)
                return await self._converse(socket, utterance)
        except InvalidStatus as error:
            status = error.response.status_code
            hint = "; check the token" if status in (401, 403) else ""
            raise UplinkError(f"the cloud answers {status}{hint}") from error
        except TimeoutError as error:
            raise UplinkError("the cloud is silent") from error
        except WebSocketException as error:
            raise UplinkError(f"the connection broke ({error})") from error
        except OSError as error:
            raise UplinkError(f"no connection ({error.strerror or error})") from error

    async def _converse(self, socket: Any, utterance: Utterance) -> str:
        level = utterance.level
        opening = {"type": "open", "stream": utterance.stream, "level": level.kind, "speech": False}
        await self._send(socket, json.dumps(opening | ({"voice": level.voice} if level.voice else {})), utterance)
        first = await self._receive(socket)
        if first["type"] == "done":
            return _text(first)
        if first["type"] != "ready":
            raise UplinkError(f"the cloud opens with {first['type']!r}; is it an EDGY cloud?")
        start = _number(first, "next")
        if utterance.ended and start > len(utterance.packets):
            # A power cut has taken packets that the cloud had got; it will wait for numbers that never come.
            raise RejectedError(f"the cloud expects packet {start} of {len(utterance.packets)}")
        sender = asyncio.create_task(self._send_packets(socket, utterance, start))
        try:
            return await self._until_done(socket, sender)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send_packets(self, socket: Any, utterance: Utterance, start: int) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            async for data in utterance.follow(start):
                await self._send(socket, data, utterance)
        except ConnectionClosed:
            pass  # whoever receives is told why

    async def _until_done(self, socket: Any, sender: asyncio.Task[None]) -> str:
        while True:
            receiver = asyncio.create_task(self._receive(socket))
            try:
                tasks: set[asyncio.Task[Any]] = {receiver} if sender.done() else {receiver, sender}
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if sender.done():
                    sender.result()
                message = await receiver
            finally:
                receiver.cancel()
            if message["type"] == "done":
                return _text(message)
            if message["type"] == "transcript":
                self._on_text(str(message.get("text", "")), bool(message.get("final")))

    async def _send(self, socket: Any, message: str | bytes, utterance: Utterance) -> None:
        if isinstance(message, str):
            self._ledger.record(CONTROL, len(message.encode()), utterance, self._destination)
        elif message is utterance.header:
            self._ledger.record(HEADER, len(message), utterance, self._destination)
        else:
            self._ledger.packet(message, utterance, self._destination)
        await socket.send(message)

    async def _receive(self, socket: Any) -> dict[str, Any]:
        """The next message of the cloud.

        Raises:
            RejectedError: it closed the connection because it does not want the stream.
            UplinkError: it reports a failure of its own, or says what is no message.
        """
        from websockets.exceptions import ConnectionClosed

        reason = ""
        while True:
            try:
                data = await asyncio.wait_for(socket.recv(), self._reply_s)
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd else None
                reason = reason or one_line(error.rcvd.reason if error.rcvd else "") or "the connection broke"
                raise (RejectedError if code == _POLICY_VIOLATION else UplinkError)(reason) from error
            if isinstance(data, bytes):
                continue  # speech, which the node never asks for
            try:
                message = json.loads(data)
                kind = str(message["type"])
            except (ValueError, TypeError, KeyError) as error:
                raise UplinkError("the cloud says what is no message; is it an EDGY cloud?") from error
            if kind != "error":
                return dict(message)
            reason = one_line(message.get("message", "the cloud reports an error"))


def one_line(text: object) -> str:
    """What a stranger says, fit for one line of the log."""
    return ascii(" ".join(str(text).split())[:200])[1:-1]


def _number(message: dict[str, Any], key: str) -> int:
    number = message.get(key)
    if type(number) is not int or number < 0:
        raise UplinkError(f"the cloud says {key} is {number!r}; is it an EDGY cloud?")
    return number


def _text(done: dict[str, Any]) -> str:
    return str(done.get("text") or "")
