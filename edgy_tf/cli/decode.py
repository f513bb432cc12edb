"""Decode an .edgy stream: codes in, speech in a chosen voice out."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgy_tf.decode import Decoder
    from edgy_tf.wire import Stream

EXAMPLE = "edgy decode out.edgy out.wav --voice F1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy decode``."""
    parser.add_argument("source", type=Path, metavar="IN", help=".edgy stream")
    parser.add_argument("out", type=Path, metavar="OUT", help=".wav to write")
    parser.add_argument("--release", help="release or exported folder (default: the installed one of that codebook)")
    parser.add_argument(
        "--voice",
        help="a voice of the release, or a file of edgy enrol (default: the voice in the stream, else nobody's)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the WaveRNN's draws (default: 0)")


def open_stream(source: Path, name: str | None) -> tuple[Decoder, Stream]:
    """A stream, and the decoder of its codebook: that of the release of this ``name``, or an installed one.

    Raises:
        WireError: it is no ``.edgy`` stream.
        CodebookMismatchError: no release at hand decodes it.
    """
    from edgy_tf.releases import release_of
    from edgy_tf.wire import Prior, read_header, read_stream

    # The header first: it says whose codes these are, and so which counts the packets may need.
    header = read_header(source)
    release = release_of(header.codebook_id, name)
    prior = Prior(release.codebook_id, release.counts()) if header.needs_prior else None
    stream = read_stream(source, prior)
    from edgy_tf.decode import Decoder

    decoder = Decoder.from_release(str(release.folder))
    decoder.check(header.codebook_id)
    return decoder, stream


def run(args: argparse.Namespace) -> None:
    """Decode, and print the real-time factor."""
    from edgy_tf.corpora import write_wav
    from edgy_tf.voice_file import load_voice

    decoder, stream = open_stream(args.source, args.release)
    if args.voice is None and stream.speaker is not None:
        voice = stream.speaker
    elif args.voice is not None and args.voice not in decoder.voices and Path(args.voice).exists():
        voice = load_voice(Path(args.voice), decoder.network.codebook_id)
    else:
        voice = decoder.voice(args.voice)
    started = time.perf_counter()
    speech = decoder.decode(stream.codes, voice, args.seed)[: stream.samples]
    elapsed = time.perf_counter() - started
    write_wav(args.out, speech, decoder.sample_rate)
    seconds = max(len(speech), 1) / decoder.sample_rate
    print(f"{len(stream.codes)} codes -> {seconds:.2f} s of speech, decoded at {elapsed / seconds:.2f} of real time")
