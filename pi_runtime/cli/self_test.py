"""Encode a recording that ships and compare the codes with those of the release; print load and encode times."""

from __future__ import annotations

import argparse
import time

EXAMPLE = "edgy-edge self-test"

AGREEMENT = 0.99
"""Share of codes that must be those of one family; near ties in the float front end may fall otherwise on a new CPU."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy-edge self-test``."""
    parser.add_argument("--release", default="pi", help="installed release (default: pi)")


def run(args: argparse.Namespace) -> None:
    """Print one line per encoder of the release.

    Raises:
        ModelError: a file of the release was changed, or an encoder gives other codes than it should.
    """
    from edgy_tf.corpora import read_pcm16
    from edgy_tf.errors import ModelError
    from edgy_tf.releases import find_release
    from pi_runtime import EdgeEncoder
    from pi_runtime.golden import RECORDING, golden_codes

    release = find_release(args.release)
    release.verify()
    pcm = read_pcm16(RECORDING)
    failed = []
    for variant in release.variants:
        golden = golden_codes(release.name, variant)
        started = time.perf_counter()
        encoder = EdgeEncoder(release.encoder(variant))
        loaded = time.perf_counter()
        codes = encoder.encode(pcm)
        encoded = time.perf_counter()
        equal = {family: float((codes == expected).mean()) for family, expected in golden.items()}
        family = max(equal, key=lambda name: equal[name])
        passed = equal[family] >= AGREEMENT
        print(
            f"{variant:8} {'ok' if passed else 'FAILED':6} {100 * equal[family]:.1f} % of {len(codes)} codes as by"
            f" {family} kernels; load {1000 * (loaded - started):.1f} ms,"
            f" encode {1000 * (encoded - loaded):.1f} ms for {len(pcm) / encoder.sample_rate:.2f} s of speech"
        )
        failed += [] if passed else [variant]
    if failed:
        raise ModelError(f"wrong codes from {', '.join(failed)} of release {release.name}: reinstall the extra 'pi'")
