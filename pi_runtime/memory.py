"""How much memory this process takes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_rss() -> int:
    """The most memory, in bytes, that this process ever held."""
    try:
        # getrusage's figure outlives exec: it would be that of the process that started this one, if larger.
        status = Path("/proc/self/status").read_text("ascii")
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
