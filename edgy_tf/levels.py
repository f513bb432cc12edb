"""Privacy levels: how much of the person a device lets be heard; the edge node asks, the server obeys."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """From the most private on: words; speech in a new blend each time; in one that a name stands for; in one's own."""

    TEXT = "text"
    ANONYMOUS = "anonymous"
    PSEUDONYM = "pseudonym"
    IDENTITY = "identity"
