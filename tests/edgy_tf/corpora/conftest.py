"""Sounds, good and bad, for building small corpora."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb" + bytes(64)


@pytest.fixture
def write_tone() -> Callable[..., Path]:
    def write(path: Path, rate: int = 16000, seconds: float = 0.1, channels: int = 1, **how: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
        soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate, **how)
        return path

    return write


@pytest.fixture
def write_text() -> Callable[[Path, str], Path]:
    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def write_bad() -> Callable[[Path], list[Path]]:
    """Beside a path, with its suffix: a file of no bytes, a JPEG, and a WAV cut inside its header."""

    def write(path: Path) -> list[Path]:
        contents = {"empty": b"", "photo": JPEG, "cut": b"RIFF\x00\x10\x00\x00WAVEfmt "}
        paths = [path.with_name(f"{path.stem}_{kind}{path.suffix}") for kind in contents]
        for bad, content in zip(paths, contents.values(), strict=True):
            bad.write_bytes(content)
        return paths

    return write
