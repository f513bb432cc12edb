"""Write the golden codes of a release and their recording: run it once, when a release is made.

python -m tests.pi_runtime.make_golden pi
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from ai_edge_litert import interpreter

from edgy_tf.corpora import read_pcm16, write_wav
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder
from pi_runtime.golden import FAMILIES, RECORDING, golden_path

RESOLVERS = {"reference": interpreter.OpResolverType.BUILTIN_REF, "xnnpack": interpreter.OpResolverType.AUTO}


def encoder_of(path: Path, family: str, threads: int = 1) -> EdgeEncoder:
    """An encoder that runs in ai-edge-litert by the kernels of ``family``."""
    chosen = partial(interpreter.Interpreter, experimental_op_resolver_type=RESOLVERS[family])
    with mock.patch.object(interpreter, "Interpreter", chosen):
        return EdgeEncoder(path, threads)


def main() -> None:
    """Encode the shipped recording with each variant of the release that the first argument names."""
    release = find_release(sys.argv[1])
    pcm = read_pcm16(SHIPPED.audio)
    write_wav(RECORDING, pcm)
    for variant in release.variants:
        for family in FAMILIES:
            codes = encoder_of(release.encoder(variant), family).encode(pcm)
            np.save(golden_path(release.name, variant, family), codes.astype(np.uint16))
            print(f"{release.name}-{variant}-{family}: {len(codes)} codes")


if __name__ == "__main__":
    main()
