"""Limits of the server, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits that hold for every client.

    Attributes:
        max_seconds: of speech in one request or stream.
        queue: jobs that may wait for the decoder, and for the recogniser; more are refused.
        streams: that are kept at a time, those of lost connections included.
        resume_seconds: that a stream is kept after its connection ended; its text goes with it.
        job_seconds: that a request may wait for its result.
        body_seconds: in which a request's body, or the opening of a stream, must have come.
        idle_seconds: without a packet after which a connection is closed.
        alive_seconds: after which a device that waits for its result is told again that all has come.
        voices: that one client may enrol.
    """

    max_seconds: float = 300.0
    queue: int = 16
    streams: int = 64
    resume_seconds: float = 300.0
    job_seconds: float = 60.0
    body_seconds: float = 30.0
    idle_seconds: float = 300.0
    alive_seconds: float = 20.0
    voices: int = 100

    @property
    def connections(self) -> int:
        """The last resort: more than streams and queues could ever need."""
        return 4 * (self.streams + self.queue)
