"""The spool: every stream waits here, on disk and bounded, until its sink has all of it.

A folder of ``.edgy`` files named ``NUMBER.STREAM.LEVEL[.VOICE].edgy``, in the order of their numbers. A packet is
written before it is sent, so a killed process loses nothing: the next one ends the stream after its last whole packet.
A stream is forced to the disk when it ends, so a power cut loses at most the utterance that was being spoken.

Above the limit the oldest stream is dropped, and counted. A damaged file is set aside as ``.bad``; such files are the
first to go. What the disk refuses is kept in memory, within the same limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from edgy_tf.errors import SettingsError, StorageError, WireError
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import OVERHEAD
from pi_runtime.node.levels import Level
from pi_runtime.node.utterance import Bell, Utterance

log = logging.getLogger(__name__)
SUFFIX, BAD = ".edgy", ".bad"
BLOCK = 4096
_LEAST = HEADER_SIZE + OVERHEAD + 2
"""Bytes of the shortest stream that holds a code."""


@dataclass
class _Entry:
    path: Path
    level: Level
    size: int
    utterance: Utterance | None = None  # while it grows, or where the disk has refused it
    file: int | None = None


class Spool:
    """A queue of utterances; one thread appends, one event loop takes from its head.

    Args:
        folder: of the files; made where it is missing.
        limit: bytes that the files may take on the disk together, in blocks of 4096.

    Attributes:
        dropped: streams given up because the spool was full.
        spoiled: streams set aside because they were damaged, or the cloud would not have them.

    Raises:
        StorageError: the folder cannot be used, or another node uses it.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._bell, self._emptied = Bell(), Bell()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bad: OrderedDict[Path, int] = OrderedDict()
        self._next = 1
        self._refused = False
        self.dropped = self.spoiled = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._guard: int | None = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            names = sorted(os.listdir(folder))
        except BlockingIOError as error:
            self.close()
            raise StorageError(f"another node uses {folder}; stop it, or give this one a state folder") from error
        except OSError as error:
            raise StorageError(f"cannot use {folder}: {error.strerror}") from error
        for name in names:
            self._find(folder / name)
        self._make_room()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes on the disk that wait, and those set aside."""
        with self._lock:
            return self._used()

    @property
    def crowded(self) -> bool:
        """Streams that have ended take half of the limit: a source that can wait should."""
        with self._lock:
            ended = [e for e in self._entries.values() if e.utterance is None or e.utterance.ended]
            return 2 * sum(_blocks(e.size) for e in ended) > self._limit

    def begin(self, level: Level) -> Utterance:
        """A new utterance at the end of the queue."""
        utterance = Utterance(level)
        with self._lock:
            parts = [f"{self._next:012d}", utterance.stream, level.kind, *filter(None, [level.voice])]
            self._next += 1
            path = self._folder / (".".join(parts) + SUFFIX)
            entry = _Entry(path, level, 0, utterance)
            try:
                entry.file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            except OSError as error:
                self._refuse(entry, error)
            self._entries[utterance.stream] = entry
        self._bell.ring()
        return utterance

    def append(self, utterance: Utterance, data: bytes) -> None:
        """Keep the next bytes of an utterance: its header, then its packets one by one."""
        with self._lock:
            if utterance.dropped:
                return
            entry = self._entries[utterance.stream]
            if entry.file is not None:
                try:
                    written = os.write(entry.file, data)
                    if written < len(data):
                        raise OSError(0, "no room left")
                except OSError as error:
                    self._refuse(entry, error)
            entry.size += len(data)
            utterance.append(data)
            if utterance.ended:
                self._finish(entry)
            self._make_room()

    async def head(self) -> Utterance:
        """The oldest utterance, once there is one; damaged files are set aside on the way."""
        while True:
            with self._lock:
                while self._entries:
                    stream, entry = next(iter(self._entries.items()))
                    if entry.utterance is not None:
                        return entry.utterance
                    try:
                        return Utterance.from_bytes(entry.path.read_bytes(), entry.level, stream)
                    except (WireError, OSError) as error:
                        self._put_aside(stream, str(error))
            await self._bell.wait()

    async def empty(self) -> None:
        """Return once nothing waits."""
        while self._entries:
            await self._emptied.wait()

    def holds(self, utterance: Utterance) -> bool:
        """Whether the utterance still waits."""
        return utterance.stream in self._entries

    def done(self, utterance: Utterance) -> None:
        """Forget an utterance that has arrived."""
        with self._lock:
            if entry := self._entries.pop(utterance.stream, None):
                self._remove(entry)

    def set_aside(self, utterance: Utterance, reason: str) -> None:
        """Take an utterance out of the queue that can never arrive, and keep its file for a person to look at."""
        with self._lock:
            utterance.drop()
            if utterance.stream in self._entries:
                self._put_aside(utterance.stream, reason)

    def close(self) -> None:
        """Let another process use the folder."""
        if self._guard is not None:
            os.close(self._guard)
            self._guard = None

    def _find(self, path: Path) -> None:
        with contextlib.suppress(OSError, ValueError, SettingsError):  # ValueError: a name that is none of ours
            size = path.stat().st_size
            if path.name.endswith(BAD):
                self._bad[path] = size
            elif path.name.endswith(SUFFIX):
                number, stream, *level = path.name.removesuffix(SUFFIX).split(".")
                self._next = max(self._next, 1 + int(number))
                entry = _Entry(path, Level.parse(":".join(level)), size)
                if size < _LEAST:
                    self._remove(entry)  # killed before its first packet
                    return
                self._entries[stream] = entry

    def _used(self) -> int:
        return sum(_blocks(e.size) for e in self._entries.values()) + sum(map(_blocks, self._bad.values()))

    def _make_room(self) -> None:
        while self._bad and self._used() > self._limit:
            self._bad.popitem(last=False)[0].unlink(missing_ok=True)
        while self._entries and self._used() > self._limit:
            _, entry = self._entries.popitem(last=False)
            if entry.utterance is not None:
                entry.utterance.drop()
            self._remove(entry)
            self.dropped += 1
            log.warning("the spool is full: the oldest stream was dropped (%d in all)", self.dropped)

    def _finish(self, entry: _Entry) -> None:
        if entry.file is None:
            return
        try:
            os.fsync(entry.file)
        except OSError as error:
            self._refuse(entry, error)
            return
        os.close(entry.file)
        entry.file, entry.utterance = None, None
        if self._refused:
            self._refused = False
            log.info("the disk takes streams again")

    def _refuse(self, entry: _Entry, error: OSError) -> None:
        if not self._refused:
            self._refused = True
            log.warning("the disk refuses streams (%s); they wait in memory", error.strerror)
        if entry.file is not None:
            os.close(entry.file)
            entry.file = None
        with contextlib.suppress(OSError):
            entry.path.unlink(missing_ok=True)

    def _remove(self, entry: _Entry) -> None:
        if entry.file is not None:
            os.close(entry.file)
        with contextlib.suppress(OSError):
            entry.path.unlink(missing_ok=True)
        self._emptied.ring()

    def _put_aside(self, stream: str, reason: str) -> None:
        entry = self._entries.pop(stream)
        if entry.file is not None:
            os.close(entry.file)
        self.spoiled += 1
        bad = entry.path.with_name(entry.path.name + BAD)
        with contextlib.suppress(OSError):
            os.replace(entry.path, bad)
            self._bad[bad] = entry.size
        self._emptied.ring()
        log.warning("stream %s was set aside: %s", bad.name, reason)


def _blocks(size: int) -> int:
    """What a file takes on the disk, which gives out whole blocks."""
    return -(-size // BLOCK) * BLOCK
