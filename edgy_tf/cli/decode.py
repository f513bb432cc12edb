"""Decode an .edgy stream, or a folder of them: codes in, speech in a chosen voice out."""

from __future__ import annotations

import argparse
import functools
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgy_tf.cli.work import Work
    from edgy_tf.decode import Decoder
    from edgy_tf.decode.decoder import Floats
    from edgy_tf.decode.voice import Voice
    from edgy_tf.releases import Release
    from edgy_tf.wire import Stream

EXAMPLE = """\
edgy decode out.edgy out.wav --voice F1
  edgy decode out.edgy out.wav --voice anonymous
  edgy decode out.edgy out.wav --voice pseudonym:kitchen
  edgy decode streams/ speech/
  edgy decode streams/ speech/ --ray auto"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy decode``."""
    parser.add_argument("source", type=Path, metavar="IN", help=".edgy stream, or a folder of them")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help=".wav to write; or a folder, where what is there is left alone"
    )
    parser.add_argument("--release", help="release or exported folder (default: the installed one of that codebook)")
    parser.add_argument(
        "--voice",
        help="a voice of the release; 'anonymous', nobody's and another one each time; 'pseudonym:NAME', nobody's and "
        "always the same for a name; a file of edgy enrol (default: the voice in the stream, else nobody's)",
    )
    parser.add_argument("--vocoder", help="wavernn or griffin-lim (default: by which the release's speech reads best)")
    parser.add_argument("--ray", metavar="ADDRESS", help="do a folder on a Ray cluster; auto: on this machine")
    parser.add_argument("--seed", type=int, default=0, help="of the WaveRNN's draws (default: 0)")


def open_stream(source: Path, name: str | None) -> tuple[Release, Decoder, Stream]:
    """A stream, and the release of its codebook with its decoder: that of this ``name``, or an installed one.

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
    decoder = _decoder(release.folder)
    decoder.check(header.codebook_id)
    return release, decoder, stream


@functools.lru_cache(maxsize=1)
def _decoder(folder: Path) -> Decoder:
    """The decoder of a release: loaded once for a folder of streams."""
    from edgy_tf.decode import Decoder

    return Decoder.from_release(folder)


def choose_voice(decoder: Decoder, name: str | None) -> Voice:
    """A voice as ``--voice`` names it.

    Raises:
        ModelError: there is none of that name, or the file is of another codebook.
    """
    from edgy_tf.decode.voice import Voice
    from edgy_tf.decode.voices import anonymous_voice, pseudonym
    from edgy_tf.voice_file import load_voice

    if name is None or name in decoder.voices:
        return decoder.voice(name)
    if name == "anonymous":
        return anonymous_voice(decoder, secrets.randbits(64))
    if name.startswith("pseudonym:"):
        return pseudonym(decoder, name.removeprefix("pseudonym:"))
    if Path(name).exists():
        return Voice(load_voice(Path(name), decoder.network.codebook_id))
    return decoder.voice(name)  # It says which there are.


def run(args: argparse.Namespace) -> None:
    """Decode, and print the real-time factor."""
    from edgy_tf.cli.folder import process_folder
    from edgy_tf.corpora import write_wav

    if args.source.is_dir():
        process_folder(args.source, args.out, frozenset({".edgy"}), ".wav", functools.partial(start, args), args.ray)
        return
    _, decoder, stream = open_stream(args.source, args.release)
    started = time.perf_counter()
    speech = _speech(args, decoder, stream)
    elapsed = time.perf_counter() - started
    write_wav(args.out, speech, decoder.sample_rate)
    seconds = max(len(speech), 1) / decoder.sample_rate
    print(f"{len(stream.codes)} codes -> {seconds:.2f} s of speech, decoded at {elapsed / seconds:.2f} of real time")


def start(args: argparse.Namespace) -> Work:
    """What a process does with each stream of a folder."""
    from edgy_tf.corpora import write_wav

    def work(source: Path, out: Path) -> None:
        _, decoder, stream = open_stream(source, args.release)
        write_wav(out, _speech(args, decoder, stream), decoder.sample_rate)

    return work


def _speech(args: argparse.Namespace, decoder: Decoder, stream: Stream) -> Floats:
    from edgy_tf.decode.voice import Voice

    if args.voice is None and stream.speaker is not None:
        voice = Voice(stream.speaker)
    else:
        voice = choose_voice(decoder, args.voice)
    return decoder.decode(stream.codes, voice, args.seed, args.vocoder)[: stream.samples]
