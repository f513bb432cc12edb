"""What a ``.tflite`` encoder says of itself: ``edgy.json``, packed behind the model as TFLite's associated files are.

The model is a valid ``.tflite`` and a valid zip at once, so ``unzip -p model.tflite edgy.json`` shows it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgy_tf.errors import ModelError

MEMBER = "edgy.json"


@dataclass(frozen=True)
class ModelInfo:
    """How to feed an encoder, and what its codes mean.

    Attributes:
        preset: name of the architecture.
        variant: ``float32``, ``int8``, ...
        codebook_id: codebook of the codes, 16 hexadecimal characters.
        codebook_size: number of codes K.
        sample_rate: of the audio, Hz.
        samples_per_code: audio samples that one code stands for.
        block: codes that one run of the model gives.
        window: samples that one run of the model takes.
        before: samples of the window that lie before the block's own; less than none where the model remembers them.
        licence: of the weights.
        release: that the file is part of; empty where it is of none.
        front_end: parameters of the log-mel, as in ``edgy_tf.preset.FrontEnd``; None where the file takes PCM alone.
        history: mel frames before a code's own that the encoder sees.
        receptive_field: mel frames that one code depends on.
        warm_up: runs at the beginning of a stream whose codes mean nothing, because the model still remembers another.
        levelled: samples go through ``edgy_tf.frontend.Leveller`` first.
    """

    preset: str
    variant: str
    codebook_id: str
    codebook_size: int
    sample_rate: int
    samples_per_code: int
    block: int
    window: int
    before: int
    licence: str
    release: str = ""
    front_end: dict[str, Any] | None = None
    history: int = 0
    receptive_field: int = 0
    warm_up: int = 0
    levelled: bool = False

    @property
    def hop(self) -> int:
        """Samples of a mel frame; 0 where the front end is not known."""
        return self.front_end["hop"] if self.front_end else 0

    @property
    def advance(self) -> int:
        """Samples from one run's window to the next one's."""
        return self.block * self.samples_per_code

    @property
    def silence(self) -> int:
        """Samples of silence that a stream begins with, for the first block to have a past."""
        return self.before + self.warm_up * self.advance

    @property
    def lookahead_ms(self) -> float:
        """Milliseconds of sound after a code's own that must be heard before the code is known."""
        return 1000 * (self.window - self.before - self.advance) / self.sample_rate


def read_info(path: Path) -> ModelInfo:
    """Read what ``pack_info`` added.

    Raises:
        ModelError: no such file, or not an encoder of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = ModelInfo(**json.loads(archive.read(MEMBER)))
        if info.levelled and info.hop < 1:
            raise ValueError("levelled by no frame")
        return info
    except FileNotFoundError as error:
        raise ModelError(f"no model at {path}") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is not an EDGY encoder; make one with: edgy export") from error


def pack_info(model: bytes, info: ModelInfo) -> bytes:
    """Append ``edgy.json`` to the bytes of a ``.tflite``; equal input gives equal bytes."""
    import io

    buffer = io.BytesIO()
    buffer.write(model)
    with zipfile.ZipFile(buffer, "a") as archive:
        # A fixed date, so that a model can be rebuilt bit for bit.
        archive.writestr(zipfile.ZipInfo(MEMBER, (2020, 1, 1, 0, 0, 0)), json.dumps(asdict(info), indent=1))
    return buffer.getvalue()
