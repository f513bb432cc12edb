"""The disclosure ledger: what left this device, when, of which kind, how many bytes, to whom. Sound never does.

An SQLite file. A message is recorded before it is sent, and what cannot be recorded is not sent. Commits are not forced
to the disk one by one (WAL, ``synchronous=NORMAL``): a killed process loses no line, a power cut at most the last ones.
The newest ``DETAIL`` messages are kept one by one; totals by day, kind, level and destination are kept for good.

Bytes are those of messages: WebSocket framing, TLS and TCP come on top.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.errors import StorageError
from edgy_tf.wire.packets import HEADER_NAME, kind_name
from pi_runtime.node.utterance import Utterance

HEADER, CONTROL = HEADER_NAME, "control"
DETAIL = 100_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL, kind TEXT, bytes INTEGER, stream TEXT, level TEXT, destination TEXT);
CREATE TABLE IF NOT EXISTS totals (
    day TEXT, kind TEXT, level TEXT, destination TEXT, messages INTEGER, bytes INTEGER,
    PRIMARY KEY (day, kind, level, destination)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Total:
    """What left on one day, of one kind, at one level, to one destination."""

    day: str
    kind: str
    level: str
    destination: str
    messages: int
    bytes: int


class Ledger:
    """The ledger in ``path``, made where it is missing; several processes may share it.

    Args:
        path: of the file.
        detail: messages to keep one by one.
        now: seconds since 1970.

    Raises:
        StorageError: it cannot be opened, or is no ledger.
    """

    def __init__(self, path: Path, detail: int = DETAIL, now: Callable[[], float] = time.time) -> None:
        self._path, self._detail, self._now = path, detail, now
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"cannot use the ledger {path}: {error}") from error

    def packet(self, data: bytes, utterance: Utterance, destination: str) -> None:
        """Record a packet that is about to leave; see ``record``."""
        self.record(kind_name(data), len(data), utterance, destination)

    def record(self, kind: str, size: int, utterance: Utterance, destination: str) -> None:
        """Record a message of ``size`` bytes that is about to leave.

        Raises:
            StorageError: it cannot be recorded, so it must not leave.
        """
        now, level = self._now(), str(utterance.level)
        day = time.strftime("%Y-%m-%d", time.localtime(now))
        try:
            with self._lock, self._db:
                self._db.execute("BEGIN IMMEDIATE")
                message = self._db.execute(
                    "INSERT INTO messages (time, kind, bytes, stream, level, destination) VALUES (?, ?, ?, ?, ?, ?)",
                    (now, kind, size, utterance.stream, level, destination),
                )
                self._db.execute("DELETE FROM messages WHERE number <= ?", ((message.lastrowid or 0) - self._detail,))
                self._db.execute(
                    "INSERT INTO totals VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET "
                    "messages = messages + 1, bytes = bytes + excluded.bytes",
                    (day, kind, level, destination, size),
                )
        except sqlite3.Error as error:
            raise StorageError(f"the ledger {self._path} cannot be written ({error}), so nothing is sent") from error

    def totals(self) -> list[Total]:
        """All totals, by day and kind.

        Raises:
            StorageError: the ledger cannot be read.
        """
        try:
            with self._lock:
                rows = self._db.execute("SELECT * FROM totals ORDER BY day, kind, level, destination").fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"cannot read the ledger {self._path}: {error}") from error
        return [Total(*row) for row in rows]

    def messages(self, limit: int) -> list[tuple[float, str, int, str, str, str]]:
        """The newest ``limit`` messages, oldest first: time, kind, bytes, stream, level, destination.

        Raises:
            StorageError: the ledger cannot be read.
        """
        try:
            with self._lock:
                rows = self._db.execute("SELECT * FROM messages ORDER BY number DESC LIMIT ?", (limit,)).fetchall()
        except sqlite3.Error as error:
            raise StorageError(f"cannot read the ledger {self._path}: {error}") from error
        return [row[1:] for row in reversed(rows)]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
