"""The state of a running node, for people and for Prometheus."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from edgy_tf.errors import MissingDependencyError, SettingsError
from pi_runtime.node.board import cpu_temperature, under_voltage
from pi_runtime.node.counts import Counts
from pi_runtime.node.levels import ChosenLevel
from pi_runtime.node.settings import Settings
from pi_runtime.node.spool import Spool

Status = dict[str, str | int | float | bool | None]
_TOTALS = {
    "seconds_heard",
    "seconds_sent",
    "utterances",
    "delivered",
    "failures",
    "interruptions",
    "spool_dropped",
    "spool_spoiled",
}


def reporter(settings: Settings, level: ChosenLevel, counts: Counts, spool: Spool | None) -> Callable[[], Status]:
    """A function that tells the state of a node as it is when called."""
    started = time.monotonic()

    def report() -> Status:
        status: Status = {
            "level": str(level.current()),
            "source": settings.source,
            "sink": settings.sink,
            "uptime_seconds": round(time.monotonic() - started, 1),
            **dataclasses.asdict(counts),
        }
        if spool is not None:
            status |= {
                "spool_streams": len(spool),
                "spool_bytes": spool.size,
                "spool_dropped": spool.dropped,
                "spool_spoiled": spool.spoiled,
            }
        return status | {"cpu_temperature_celsius": cpu_temperature(), "under_voltage": under_voltage()}

    return report


class _Collector:
    def __init__(self, report: Callable[[], Status]) -> None:
        self._report = report

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        for name, value in self._report().items():
            if name == "level":
                yield InfoMetricFamily("edgy_edge_level", "privacy level", value={"level": str(value)})
            elif isinstance(value, int | float):
                family = CounterMetricFamily if name in _TOTALS else GaugeMetricFamily
                yield family(f"edgy_edge_{name}", name.replace("_", " "), value=float(value))


def serve_metrics(port: int, report: Callable[[], Status]) -> Callable[[], None]:
    """Offer a node's state in Prometheus' format on 127.0.0.1; return what ends that.

    Raises:
        MissingDependencyError: prometheus_client is not installed.
        SettingsError: the port is taken.
    """
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise MissingDependencyError("metrics need: pip install 'edgy-tf[node]'") from error
    registry = CollectorRegistry()
    registry.register(_Collector(report))
    try:
        server, thread = start_http_server(port, "127.0.0.1", registry)
    except OSError as error:
        raise SettingsError(f"metrics_port {port} cannot be used: {error.strerror}") from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close
