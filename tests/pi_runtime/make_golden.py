"""Write the golden codes of a release: run it once, when a release is made.

python -m tests.pi_runtime.make_golden pi
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder

FOLDER = Path(__file__).parents[1] / "data" / "golden"


def main() -> None:
    """Encode the shipped recording with each variant of the release that the first argument names."""
    release = find_release(sys.argv[1])
    for variant in release.variants:
        codes = EdgeEncoder(release.encoder(variant)).encode(read_pcm16(SHIPPED.audio))
        np.save(FOLDER / f"{release.name}-{variant}.npy", codes.astype(np.uint16))
        print(f"{release.name}-{variant}: {len(codes)} codes")


if __name__ == "__main__":
    main()
