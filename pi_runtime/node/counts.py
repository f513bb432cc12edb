"""What a node counts; each number is written by one thread alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Counts:
    """Since the node was started.

    Attributes:
        seconds_heard: of sound from the source.
        seconds_sent: of speech that reached the sink.
        utterances: that began.
        delivered: streams that the sink has all of.
        failures: attempts to reach the sink that failed.
        interruptions: times that the source fell silent.
        listening: the source gives sound.
        connected: the last attempt to reach the sink succeeded.
    """

    seconds_heard: float = 0.0
    seconds_sent: float = 0.0
    utterances: int = 0
    delivered: int = 0
    failures: int = 0
    interruptions: int = 0
    listening: bool = False
    connected: bool = False
