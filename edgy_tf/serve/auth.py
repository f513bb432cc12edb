"""Bearer tokens: a file of their hashes, and how much each may ask for."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from edgy_tf.errors import EdgyError
from edgy_tf.serve.refusals import TooManyError, UnauthorisedError
from edgy_tf.weights import atomic_file

_PREFIX = "edgy_"
"""By which scanners of leaked secrets know our tokens."""


@dataclass(frozen=True)
class Client:
    """Who asks, and how much they may ask for.

    Attributes:
        name: whose the enrolled voices are.
        per_minute: requests and streams opened a minute; None: any number.
        streams: open at a time; None: any number.
    """

    name: str
    per_minute: int | None = None
    streams: int | None = None


ANYONE = Client("")
"""The only client of a server without tokens."""


class TokenFile:
    """Tokens on disk, as SHA-256: they are 256 random bits, so that a slow hash would add nothing.

    A running server sees every change at the next request.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._state: tuple[int, int, int] | None = None
        self._clients: dict[str, Client] = {}

    @property
    def clients(self) -> dict[str, Client]:
        """The clients by the hash of their token.

        Raises:
            EdgyError: the file is missing or damaged.
        """
        with self._lock:
            try:
                stat = self._path.stat()
                state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
                if state != self._state:
                    rows = json.loads(self._path.read_text("utf-8"))
                    self._clients = {row.pop("sha256"): Client(**row) for row in rows}
                    self._state = state
            except OSError as error:
                raise EdgyError(f"no tokens at {self._path}; make one with: edgy token new NAME") from error
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise EdgyError(f"{self._path} is not a file of tokens; make one with: edgy token new NAME") from error
            return self._clients

    def new(self, client: Client) -> str:
        """Add a client and return its token, which is kept nowhere.

        Raises:
            EdgyError: the name is taken or unusable, or the file cannot be read or written.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", client.name):
            raise EdgyError(f"a token's name is 1 to 64 letters, digits, '.', '_' or '-', not {client.name!r}")
        known = self.clients if self._path.exists() else {}
        if client.name in {c.name for c in known.values()}:
            raise EdgyError(f"there is a token named {client.name}; choose another name or revoke it")
        token = _PREFIX + secrets.token_urlsafe(32)
        self._write(known | {_digest(token): client})
        return token

    def revoke(self, name: str) -> None:
        """Remove a client.

        Raises:
            EdgyError: there is none of that name, or the file cannot be written.
        """
        kept = {digest: client for digest, client in self.clients.items() if client.name != name}
        if len(kept) == len(self.clients):
            raise EdgyError(f"no token named {name} in {self._path}")
        self._write(kept)

    def client(self, token: str | None) -> Client:
        """Whose ``token`` it is.

        Raises:
            UnauthorisedError: nobody's.
            EdgyError: the file is missing or damaged.
        """
        client = self.clients.get(_digest(token or ""))
        if client is None:
            raise UnauthorisedError("no such token; send 'Authorization: Bearer TOKEN' with one of this server")
        return client

    def _write(self, clients: dict[str, Client]) -> None:
        rows = [asdict(client) | {"sha256": digest} for digest, client in clients.items()]
        with atomic_file(self._path) as file:
            file.write(json.dumps(rows, indent=1).encode())
        self._path.chmod(0o600)


class RateLimiter:
    """A token bucket for each client that has a limit; full, it lets a minute's requests through at once.

    Args:
        clock: seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, client: Client) -> None:
        """Count one request.

        Raises:
            TooManyError: the client has asked too often; it says when to come back.
        """
        if client.per_minute is None:
            return
        now = self._clock()
        level, before = self._buckets.get(client.name, (float(client.per_minute), now))
        level = min(client.per_minute, level + (now - before) * client.per_minute / 60)
        if level < 1:
            wait = (1 - level) * 60 / client.per_minute
            raise TooManyError(f"more than {client.per_minute} requests a minute; come back later", wait)
        self._buckets[client.name] = (level - 1, now)


def bearer(header: str | None) -> str | None:
    """The token in a header ``Authorization``, or None."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
