"""What the routes share: who asks, the stream in a request's body, the time that an answer may take."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from edgy_tf.decode.voice import Voice
from edgy_tf.serve.auth import Client
from edgy_tf.serve.cloud import Cloud
from edgy_tf.serve.messages import RefusalBody
from edgy_tf.serve.refusals import BusyError, TooLargeError, TooSlowError
from edgy_tf.wire import Stream, bytes_by_kind, read_stream
from edgy_tf.wire.header import HEADER_SIZE, StreamHeader
from edgy_tf.wire.packets import MAX_SPEAKER, OVERHEAD

T = TypeVar("T")

_BYTES_A_CODE = OVERHEAD + 3
"""Bytes that a code takes at most: alone in a packet, in two bytes after the count."""
EDGY_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _cloud_of(connection: HTTPConnection) -> Cloud:
    cloud: Cloud = connection.app.state.cloud
    return cloud


CloudOf = Annotated[Cloud, Depends(_cloud_of)]
_BEARER = HTTPBearer(auto_error=False, description="A token of this server, if it has any.")


async def _client_of(
    cloud: CloudOf, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
) -> Client:
    return cloud.client(credentials.credentials if credentials else None)


ClientOf = Annotated[Client, Depends(_client_of)]


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI describes these refusals, beside those of a wrong or busy token."""
    return {status: {"model": RefusalBody} for status in (401, 429, *statuses)}


async def body_of(request: Request, cloud: Cloud, limit: int) -> bytes:
    """The body of a request, of which no more is read than may be.

    Raises:
        TooLargeError: it has more than ``limit`` bytes.
        TooSlowError: it does not come.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(cloud.settings.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise TooLargeError(f"a body may have {limit} bytes; send shorter ones")
    except TimeoutError as error:
        raise TooSlowError("the body did not come in time; send it again") from error
    return bytes(body)


async def stream_of(request: Request, cloud: Cloud, seconds: float) -> tuple[Stream, bytes]:
    """The stream of at most so many seconds of speech in a request's body, and the body.

    Raises:
        WireError, CodebookMismatchError: it is none, or of another codebook.
        TooLargeError, TooSlowError: as `body_of`, or it holds too many codes.
    """
    max_codes = int(seconds * cloud.engine.code_rate)
    data = await body_of(request, cloud, HEADER_SIZE + 4 * MAX_SPEAKER + 3 * OVERHEAD + max_codes * _BYTES_A_CODE)
    # The header first, so that another codebook is refused by its name and not for want of its prior.
    if len(data) >= HEADER_SIZE:
        cloud.engine.check(StreamHeader.from_bytes(data[:HEADER_SIZE]))
    stream = await asyncio.to_thread(read_stream, data, cloud.engine.prior)
    if len(stream.codes) > max_codes:
        raise TooLargeError(f"a request may hold {max_codes} codes; send shorter streams")
    cloud.metrics.codes.inc(len(stream.codes))
    for kind, size in bytes_by_kind(data).items():
        cloud.metrics.bytes.labels(kind).inc(size)
    return stream, data


async def voice_of(cloud: Cloud, client: Client, stream: Stream, name: str | None) -> Voice:
    """The voice of that name; without one that in the stream, else an anonymous one.

    Raises:
        NotFoundError, CodebookMismatchError, ModelError: as `edgy_tf.serve.voices.Voices.named` and ``check``.
    """
    if name is None and stream.speaker is not None:
        return Voice(cloud.voices.check(stream.speaker))
    return await asyncio.to_thread(cloud.voices.named, client.name, name or "anonymous")


async def in_time(cloud: Cloud, work: Coroutine[Any, Any, T]) -> T:
    """Do the work in the time that an answer may take.

    Raises:
        BusyError: there was not enough.
    """
    try:
        async with asyncio.timeout(cloud.settings.job_seconds):
            return await work
    except TimeoutError as error:
        raise BusyError("the server had no time for this; come back later", cloud.settings.job_seconds) from error
