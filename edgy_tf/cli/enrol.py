"""Make a voice of your own from a recording, to be sent or kept as you choose."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = "edgy enrol me.wav me.voice.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy enrol``."""
    parser.add_argument("source", type=Path, metavar="IN", nargs="+", help="recordings of one speaker, 10 s or more")
    parser.add_argument("out", type=Path, metavar="OUT", help="voice file to write")
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")


def run(args: argparse.Namespace) -> None:
    """Fit the voice and write it."""
    import numpy as np

    from edgy_tf.corpora import read_pcm16, to_float32
    from edgy_tf.voice_file import save_voice
    from pi_runtime import EdgeEncoder

    pcm = np.concatenate([read_pcm16(path) for path in args.source])
    encoder = EdgeEncoder.from_release(args.release)
    from edgy_tf.decode import Decoder
    from edgy_tf.decode.voices import enrol

    decoder = Decoder.from_release(args.release)
    voice = enrol(decoder, encoder.encode(pcm), to_float32(pcm))
    save_voice(args.out, voice.embedding, encoder.info.codebook_id)
    print(f"voice of {len(pcm) / encoder.sample_rate:.1f} s of speech: {args.out} (it identifies its speaker)")
