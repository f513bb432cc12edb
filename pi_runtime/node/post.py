"""A whole stream to the cloud by one HTTPS request, where WebSockets cannot pass; text comes back."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from edgy_tf.errors import RejectedError, UplinkError
from pi_runtime.node.ledger import CONTROL, HEADER, Ledger
from pi_runtime.node.uplink import REPLY_S, one_line
from pi_runtime.node.utterance import Utterance

PATH = "/v1/transcript"
_MAX_ANSWER = 1 << 20


class PostUplink:
    """The cloud at ``url``, ``http://`` or ``https://``; redirects are refused.

    Args:
        url: of the cloud; ``/v1/transcript`` is added.
        token: bearer token, or empty.
        ledger: records each part of the request before it leaves.
        on_text: is told what the cloud understood.
    """

    def __init__(self, url: str, token: str, ledger: Ledger, on_text: Callable[[str, bool], None]) -> None:
        self._url = urlsplit(url)
        self._headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._ledger, self._on_text = ledger, on_text

    async def deliver(self, utterance: Utterance) -> str:
        """See `pi_runtime.node.sinks.Sink`."""
        header, *packets = [data async for data in utterance.follow()]
        where = self._url.netloc
        path = self._url.path.rstrip("/") + PATH
        self._ledger.record(CONTROL, len(path) + sum(map(len, self._headers.values())), utterance, where)
        self._ledger.record(HEADER, len(header), utterance, where)
        for packet in packets:
            self._ledger.packet(packet, utterance, where)
        connection = self._connection()
        try:
            text = await asyncio.to_thread(self._post, connection, path, header + b"".join(packets))
        finally:
            # Where this was cancelled, the thread still waits for an answer.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        self._on_text(text, True)
        return text

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=REPLY_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=REPLY_S)

    def _post(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> str:
        try:
            connection.request("POST", path, body, self._headers)
            response = connection.getresponse()
            answer = response.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise UplinkError(f"no connection ({error})") from error
        finally:
            connection.close()
        if response.status in (400, 404, 409, 413, 415, 422):
            raise RejectedError(f"the cloud answers {response.status}: {one_line(answer.decode('utf-8', 'replace'))}")
        if response.status != 200:
            hint = "; check the token" if response.status in (401, 403) else ""
            raise UplinkError(f"the cloud answers {response.status}{hint}")
        try:
            return str(json.loads(answer)["text"])
        except (ValueError, KeyError, TypeError) as error:
            raise UplinkError("the cloud says what is no transcript; is it an EDGY cloud?") from error
