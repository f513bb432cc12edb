"""The control socket of a running node, in its state folder: one JSON line asked, one answered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from edgy_tf.errors import EdgyError, StorageError
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.status import Status

_LONGEST = 4096
_TIMEOUT_S = 5.0


@contextlib.asynccontextmanager
async def control(path: Path, level: ChosenLevel, report: Callable[[], Status]) -> AsyncIterator[None]:
    """Answer on ``path`` while the block runs: ``{"ask": "status"}`` and ``{"ask": "level", "level": ...}``.

    Raises:
        StorageError: the socket cannot be made.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply: dict[str, Any]
        try:
            request = json.loads(await asyncio.wait_for(reader.readline(), _TIMEOUT_S))
            if request["ask"] == "level":
                level.choose(Level.parse(str(request["level"])))
            elif request["ask"] != "status":
                raise ValueError(request["ask"])
            reply = {"status": report()}
        except EdgyError as error:
            reply = {"error": str(error)}
        except (ValueError, TypeError, KeyError, TimeoutError):
            reply = {"error": "not a request of edgy-edge"}
        with contextlib.suppress(OSError):
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
            writer.close()

    try:
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(answer, path, limit=_LONGEST)
        finally:
            os.umask(mask)
    except OSError as error:
        raise StorageError(f"cannot make the control socket {path}: {error.strerror or error}") from error
    async with server:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def ask(path: Path, request: dict[str, str]) -> Status:
    """Ask the node behind ``path``, and return its status.

    Raises:
        ConnectionError, FileNotFoundError: no node runs there.
        StorageError: it runs for another user.
        EdgyError: it refuses.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(str(path))
        except PermissionError as error:
            raise StorageError(f"the node behind {path} runs for another user; try with sudo") from error
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as file:
            reply = json.loads(file.readline() or b"{}")
    if "status" not in reply:
        raise EdgyError(str(reply.get("error", "the node gives no answer")))
    status: Status = reply["status"]
    return status
