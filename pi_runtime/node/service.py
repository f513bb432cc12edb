"""Builds a node, or a Wyoming service, from settings, and runs it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from edgy_tf.errors import SettingsError, StorageError
from pi_runtime.node.control import control
from pi_runtime.node.counts import Counts
from pi_runtime.node.gate import Gate
from pi_runtime.node.ledger import Ledger
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.node import Node
from pi_runtime.node.session import Session
from pi_runtime.node.settings import Settings
from pi_runtime.node.sinks import Sink, open_sink
from pi_runtime.node.sources import open_source
from pi_runtime.node.spool import Spool
from pi_runtime.node.status import reporter, serve_metrics

log = logging.getLogger(__name__)
SPOOL, LEDGER, LEVEL = "spool", "disclosures.db", "level.json"
RUN_SOCKET, WYOMING_SOCKET = "run.sock", "wyoming.sock"


@dataclass
class _Parts:
    level: ChosenLevel
    counts: Counts
    sink: Sink


def chosen_level(settings: Settings) -> ChosenLevel:
    """The level of the node that has these settings."""
    return ChosenLevel(settings.folder / LEVEL, Level.parse(settings.level), settings.check)


async def run_node(settings: Settings) -> None:
    """Listen, encode and send until the source ends or the process is told to stop.

    Raises:
        EdgyError: settings, encoder, source or disk do not allow it.
    """
    source, gate, session = open_source(settings.source), Gate(settings.gate), Session(settings)
    spool = Spool(settings.folder / SPOOL, settings.spool_bytes)
    try:
        async with _parts(settings, RUN_SOCKET, spool, _show) as parts:
            log.info("source %s, sink %s, level %s", settings.source, settings.sink, parts.level.current())
            await Node(source, gate, session, parts.level, spool, parts.sink, parts.counts).run()
    finally:
        spool.close()


async def run_wyoming(settings: Settings, uri: str) -> None:
    """Answer Wyoming clients on ``uri``: ``tcp://HOST:PORT``, ``unix://PATH`` or ``stdio://``.

    Raises:
        EdgyError: settings, encoder or disk do not allow it.
    """
    from wyoming.server import AsyncServer

    from pi_runtime.node.wyoming_asr import Service, info

    if not settings.cloud:
        raise SettingsError("a Wyoming service needs a cloud as its sink, wss://... or https://...")
    try:
        server = AsyncServer.from_uri(uri)
    except ValueError as error:
        raise SettingsError(f"cannot listen on {uri}: {error}") from error
    async with _parts(settings, WYOMING_SOCKET, None, lambda text, final: None) as parts:
        service = Service(
            lambda: Session(settings),
            lambda: Gate(settings.gate),
            parts.level,
            parts.sink,
            parts.counts,
            info(settings.release),
        )
        log.info("Wyoming on %s, sink %s, level %s", uri, settings.sink, parts.level.current())
        parts.counts.listening = True
        await server.run(service.handler)


@contextlib.asynccontextmanager
async def _parts(
    settings: Settings, socket: str, spool: Spool | None, on_text: Callable[[str, bool], None]
) -> AsyncIterator[_Parts]:
    """What both kinds of node have, while the block runs."""
    folder = settings.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}") from error
    level, counts = chosen_level(settings), Counts()
    report = reporter(settings, level, counts, spool)
    async with contextlib.AsyncExitStack() as stack:
        ledger = Ledger(folder / LEDGER)
        stack.callback(ledger.close)
        if settings.metrics_port:
            stack.callback(serve_metrics(settings.metrics_port, report))
        await stack.enter_async_context(control(folder / socket, level, report))
        yield _Parts(level, counts, open_sink(settings, ledger, on_text))


def _show(text: str, final: bool) -> None:
    """Words go to standard output, never into the log."""
    if final and text:
        print(text, flush=True)
