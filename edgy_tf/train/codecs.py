"""Speech as lossy codecs leave it: of calls, recordings and messages."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

TELEPHONE = 8000
"""Samples a second of what a telephone carries."""

OPUS, MP3 = (0.93, 1.0), (0.5, 0.95)
"""Levels of compression, of 0 to 1, that are drawn: Opus at 9 to 25 kbit/s, MP3 at 25 to 40."""

Floats = npt.NDArray[np.float32]


def in_codecs(sound: Floats, share: float, sample_rate: int, rng: np.random.Generator) -> Floats:
    """About a ``share`` of the ``sound [B, samples]`` (-1 to 1), each through Opus, MP3 or a telephone (GSM 06.10)."""
    out = sound.copy()
    for row in np.flatnonzero(rng.random(len(sound)) < share):
        kind = rng.choice(["opus", "mp3", "telephone"])
        if kind == "telephone":
            narrow = resample_poly(sound[row], TELEPHONE, sample_rate)
            heard = resample_poly(_through(narrow, TELEPHONE, "WAV", "GSM610"), sample_rate, TELEPHONE)
        elif kind == "mp3":
            level = rng.uniform(*MP3)
            heard = _through(sound[row], sample_rate, "MP3", "MPEG_LAYER_III", level, "VARIABLE")
        else:
            heard = _through(sound[row], sample_rate, "OGG", "OPUS", rng.uniform(*OPUS))
        out[row] = heard[: sound.shape[1]]
    return out


def _through(
    sound: Floats, sample_rate: int, container: str, codec: str, level: float | None = None, mode: str | None = None
) -> Floats:
    """At least as many samples as there were, none of them later."""
    file = io.BytesIO()
    kwargs = {"format": container, "subtype": codec, "compression_level": level, "bitrate_mode": mode}
    soundfile.write(file, sound, sample_rate, **kwargs)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]
