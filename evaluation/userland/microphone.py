"""A microphone for machines without sound: ALSA's own file plugin plays a recording to whoever listens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

_ASOUNDRC = """\
pcm.!default {{
    type plug
    slave.pcm "file_microphone"
}}
pcm.file_microphone {{
    type file
    slave.pcm "null"
    file "/dev/null"
    infile "{raw}"
    format "raw"
}}
"""


def plug_in(home: Path, pcm: npt.NDArray[np.int16]) -> None:
    """Make ``pcm [n]`` what the default microphone of a process with this home hears, and silence after it.

    It comes as fast as it is read.
    """
    raw = home / "microphone.raw"
    raw.write_bytes(pcm.astype("<i2").tobytes())
    (home / ".asoundrc").write_text(_ASOUNDRC.format(raw=raw), "utf-8")
