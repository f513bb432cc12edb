"""What the server refuses, and how it says so: a status of HTTP, a close code of WebSocket, one line of text."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse

from edgy_tf.errors import CodebookMismatchError, EdgyError, WireError

POLICY = 1008
"""Close code of WebSocket: the same again will be refused again."""
INTERNAL = 1011
"""Close code of WebSocket: the server's own fault."""
TRY_LATER = 1013
"""Close code of WebSocket: come back later."""
_UNREAD = (401, 408, 413, 429)
"""Refusals of a body that still comes; kept open, the connection would take it in to its end."""


class RefusalError(EdgyError):
    """A request that is not served.

    Attributes:
        status: of HTTP.
        close: close code of WebSocket.
        retry_after: whole seconds after which to try again, or None if that will not help.
    """

    status = 400
    close = POLICY

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))


class UnauthorisedError(RefusalError):
    """No token, or none that is known."""

    status = 401


class NotFoundError(RefusalError):
    """A voice that is not there, or not the caller's."""

    status = 404


class TooSlowError(RefusalError):
    """A client that does not send what it began to send."""

    status = 408
    close = TRY_LATER


class TooLargeError(RefusalError):
    """More bytes or codes than one request or stream may have."""

    status = 413


class TooManyError(RefusalError):
    """More than the token's limits allow."""

    status = 429
    close = TRY_LATER


class BusyError(RefusalError):
    """More than the server can do."""

    status = 503
    close = TRY_LATER


def refusal_of(error: EdgyError) -> RefusalError:
    """An expected error of any part as a refusal."""
    if isinstance(error, RefusalError):
        return error
    refusal = RefusalError(str(error))
    refusal.status = 400 if isinstance(error, WireError) else 409 if isinstance(error, CodebookMismatchError) else 422
    return refusal


def refused(error: EdgyError) -> JSONResponse:
    """What HTTP answers to a request that is not served."""
    refusal = refusal_of(error)
    headers = {}
    if refusal.status in _UNREAD:
        headers["Connection"] = "close"
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    return JSONResponse({"detail": str(refusal)}, refusal.status, headers)
