"""Encode a recording: sound in, an .edgy stream of codes out; needs NumPy and a TFLite interpreter."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from edgy_tf.cli.arguments import positive

EXAMPLE = "edgy encode in.wav out.edgy --variant int8"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy encode``."""
    parser.add_argument("source", type=Path, metavar="IN", help="recording: .wav, or what libsndfile reads")
    parser.add_argument("out", type=Path, metavar="OUT", help=".edgy stream to write")
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    parser.add_argument("--model", type=Path, help="an encoder .tflite instead of a release's")
    parser.add_argument("--threads", type=positive, default=1, help="of the interpreter (default: 1)")
    parser.add_argument("--entropy", action="store_true", help="entropy-code the packets where that is shorter")
    parser.add_argument(
        "--voice", type=Path, help="also send this voice (edgy enrol): it tells who speaks, so only with consent"
    )


def run(args: argparse.Namespace) -> None:
    """Encode, and print what was sent."""
    from edgy_tf.corpora import read_pcm16
    from edgy_tf.errors import EdgyError
    from edgy_tf.releases import find_release
    from edgy_tf.wire import Prior, Stream, StreamHeader, bits_per_second, write_stream
    from pi_runtime import EdgeEncoder

    if args.model and args.entropy:
        raise EdgyError("--entropy needs the counts of a --release; leave out --model")
    pcm = read_pcm16(args.source)
    started = time.perf_counter()
    path = args.model or find_release(args.release).encoder(args.variant)
    encoder = EdgeEncoder(path, args.threads)
    loaded = time.perf_counter()
    codes = encoder.encode(pcm)
    encoded = time.perf_counter()
    info = encoder.info
    prior, voice = None, None
    if args.entropy:
        release = find_release(args.release)
        prior = Prior(release.codebook_id, release.counts())
    if args.voice:
        from edgy_tf.voice_file import load_voice

        voice = load_voice(args.voice, info.codebook_id)
    header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code, bool(prior))
    write_stream(args.out, Stream(header, codes, voice, len(pcm)), prior)
    seconds, size = len(pcm) / info.sample_rate, args.out.stat().st_size
    print(
        f"{seconds:.2f} s of speech -> {len(codes)} codes of codebook {info.codebook_id}, "
        f"{size} bytes, {bits_per_second(size, len(codes), header):.0f} bit/s\n"
        f"load {1000 * (loaded - started):.0f} ms, encode {1000 * (encoded - loaded):.0f} ms "
        f"({(encoded - loaded) / seconds:.4f} of real time), look-ahead {info.lookahead_ms:.1f} ms"
    )
