"""Golden vectors: the codes that a release's encoders give for a recording, by family of kernels that round alike.

Kernels of one family give the same codes on every machine; two families differ in a few of a hundred codes of an int8
encoder, where a value lies between two. ``reference`` are TensorFlow Lite's plain kernels, which tflite-runtime 2.14
matches on x86-64 and ARM; ``xnnpack`` are those that ai-edge-litert runs.

The recording is the one that ships in ``edgy_tf/demo`` (CC BY 4.0, see ``ATTRIBUTION.md`` there), as ``.wav``, because
a device has nothing to read ``.flac`` with.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgy_tf.errors import ModelError

FOLDER = Path(__file__).parent
RECORDING = FOLDER / "recording.wav"
FAMILIES = ("reference", "xnnpack")


def golden_path(release: str, variant: str, family: str) -> Path:
    """Where the codes lie: uint16 ``[codes]``, as ``.npy``."""
    return FOLDER / f"{release}-{variant}-{family}.npy"


def golden_codes(release: str, variant: str) -> dict[str, npt.NDArray[np.uint16]]:
    """Codes ``[codes]`` of ``RECORDING``, by family.

    Raises:
        ModelError: none ship for this encoder.
    """
    try:
        return {family: np.load(golden_path(release, variant, family)) for family in FAMILIES}
    except FileNotFoundError as error:
        raise ModelError(
            f"no golden codes ship for {variant} of release {release}; test a release that ships"
        ) from error
