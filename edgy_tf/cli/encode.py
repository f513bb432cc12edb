"""Encode a recording or a folder: sound in, .edgy streams of codes out; needs NumPy and a TFLite interpreter."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgy_tf.cli.arguments import positive

if TYPE_CHECKING:
    from edgy_tf.cli.work import Work
    from edgy_tf.wire import Prior, Stream
    from pi_runtime import EdgeEncoder

EXAMPLE = """\
edgy encode in.wav out.edgy --variant int8
  edgy encode recordings/ streams/
  edgy encode recordings/ streams/ --ray auto"""
SOUNDS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy encode``."""
    parser.add_argument(
        "source", type=Path, metavar="IN", help="recording: .wav, or what libsndfile reads; or a folder"
    )
    parser.add_argument(
        "out", type=Path, metavar="OUT", help=".edgy stream to write; or a folder, where what is there is left alone"
    )
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    parser.add_argument("--model", type=Path, help="an encoder .tflite instead of a release's")
    parser.add_argument("--threads", type=positive, default=1, help="of the interpreter (default: 1)")
    parser.add_argument("--entropy", action="store_true", help="entropy-code the packets where that is shorter")
    parser.add_argument("--ray", metavar="ADDRESS", help="do a folder on a Ray cluster; auto: on this machine")
    parser.add_argument(
        "--voice", type=Path, help="also send this voice (edgy enrol): it tells who speaks, so only with consent"
    )


def run(args: argparse.Namespace) -> None:
    """Encode, and print what was sent."""
    from edgy_tf.cli.folder import process_folder
    from edgy_tf.corpora import read_pcm16
    from edgy_tf.errors import EdgyError
    from edgy_tf.wire import bits_per_second, write_stream

    if args.model and args.entropy:
        raise EdgyError("--entropy needs the counts of a --release; leave out --model")
    if args.source.is_dir():
        args.threads = 1  # All cores have a file of their own.
        process_folder(args.source, args.out, SOUNDS, ".edgy", partial(start, args), args.ray)
        return
    pcm = read_pcm16(args.source)
    started = time.perf_counter()
    encoder, prior = _load(args)
    loaded = time.perf_counter()
    stream = _encode(args, encoder, pcm, prior)
    encoded = time.perf_counter()
    write_stream(args.out, stream, prior)
    seconds, size = len(pcm) / encoder.info.sample_rate, args.out.stat().st_size
    print(
        f"{seconds:.2f} s of speech -> {len(stream.codes)} codes of codebook {stream.header.codebook_id}, "
        f"{size} bytes, {bits_per_second(size, len(stream.codes), stream.header):.0f} bit/s\n"
        f"load {1000 * (loaded - started):.0f} ms, encode {1000 * (encoded - loaded):.0f} ms "
        f"({(encoded - loaded) / seconds:.4f} of real time), look-ahead {encoder.info.lookahead_ms:.1f} ms"
    )


def start(args: argparse.Namespace) -> Work:
    """What a process does with each file of a folder."""
    from edgy_tf.corpora import read_pcm16
    from edgy_tf.wire import write_stream

    encoder, prior = _load(args)
    return lambda source, out: write_stream(out, _encode(args, encoder, read_pcm16(source), prior), prior)


def _load(args: argparse.Namespace) -> tuple[EdgeEncoder, Prior | None]:
    from edgy_tf.releases import find_release
    from edgy_tf.wire import Prior
    from pi_runtime import EdgeEncoder

    encoder = EdgeEncoder(args.model or find_release(args.release).encoder(args.variant), args.threads)
    if not args.entropy:
        return encoder, None
    release = find_release(args.release)
    return encoder, Prior(release.codebook_id, release.counts())


def _encode(args: argparse.Namespace, encoder: EdgeEncoder, pcm: npt.NDArray[np.int16], prior: Prior | None) -> Stream:
    from edgy_tf.voice_file import load_voice
    from edgy_tf.wire import Stream, StreamHeader

    info = encoder.info
    voice = load_voice(args.voice, info.codebook_id) if args.voice else None
    header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code, bool(prior))
    return Stream(header, encoder.encode(pcm), voice, len(pcm))
