"""What the server counts: numbers about its work, none about what was said or by whom."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The series of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("edgy_requests", "HTTP requests", ["route", "status"], registry=registry)
        self.seconds = Histogram("edgy_request_seconds", "Time of HTTP requests", ["route"], registry=registry)
        self.jobs = Counter("edgy_jobs", "Jobs of decoder and recogniser", ["lane"], registry=registry)
        self.refused = Counter("edgy_jobs_refused", "Jobs refused above capacity", ["lane"], registry=registry)
        self.pending = Gauge("edgy_jobs_pending", "Jobs waiting or running", ["lane"], registry=registry)
        self.codes = Counter("edgy_codes", "Codes received in requests and streams", registry=registry)
        self.bytes = Counter("edgy_received_bytes", "Bytes of streams received", ["kind"], registry=registry)
        self.connected = Gauge("edgy_streams_connected", "Streams with a connection", registry=registry)
        self.closed = Counter(
            "edgy_streams_closed", "Connections of streams by close code", ["code"], registry=registry
        )
