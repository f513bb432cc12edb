"""Encode the recording that ships, decode it in two voices, and make a page that shows and measures it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edgy_tf.errors import EdgyError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from edgy_tf.demo import Recording
    from edgy_tf.demo.page import Panel, Result
    from edgy_tf.releases import Release

    Floats = npt.NDArray[np.float32]

EXAMPLE = "edgy demo --out demo"
PACKAGES = ("tensorflow", "keras", "matplotlib", "safetensors", "scipy", "soundfile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy demo``."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the page to")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="a recording of your own; needs --enrol")
    parser.add_argument(
        "--enrol", type=Path, nargs="+", metavar="FILE", help="other recordings of its speaker, 10 s or more in all"
    )
    parser.add_argument("--release", default="pi", help="installed release, or an exported folder (default: pi)")


def run(args: argparse.Namespace) -> None:
    """Make the page, and print where it is and what it says."""
    from edgy_tf.demo import SHIPPED, Recording
    from edgy_tf.releases import find_release

    if bool(args.audio) != bool(args.enrol):
        raise EdgyError("--audio and --enrol go together: a recording, and others of the same speaker")
    release = find_release(args.release)
    recording = Recording(args.audio, tuple(args.enrol)) if args.audio else SHIPPED
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependencyError(f"the demo needs {', '.join(missing)}; run: pip install 'edgy-tf[demo]'")
    from edgy_tf.demo.page import build_page

    args.out.mkdir(parents=True, exist_ok=True)
    result = demonstrate(release, recording, args.out, _command(args))
    page = args.out / "index.html"
    page.write_text(build_page(result), "utf-8")
    print(f"page: {page}\n{_summary(result)}")


def demonstrate(release: Release, recording: Recording, out: Path, command: str) -> Result:
    """Encode and decode ``recording``, write streams and sound files to ``out``, and measure every step."""
    import numpy as np

    from edgy_tf.corpora import read_pcm16
    from edgy_tf.decode import Decoder
    from edgy_tf.decode.voices import enrol
    from edgy_tf.demo.page import Result, Timing
    from edgy_tf.demo.stream_view import code_hues
    from edgy_tf.wire import SpeakerPacket, Stream, StreamHeader, read_stream, write_stream
    from pi_runtime import EdgeEncoder

    pcm = read_pcm16(recording.audio)
    other_pcm = np.concatenate([read_pcm16(path) for path in recording.enrolment])

    _say(f"encoding {recording.audio.name}")
    watch = _Stopwatch()
    encoder = EdgeEncoder(release.encoder("int8"))
    loaded = watch.lap()
    codes = encoder.encode(pcm)
    encoded = watch.lap()
    info = encoder.info
    header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
    write_stream(out / "speech.edgy", Stream(header, codes, samples=len(pcm)))
    equal = None
    if "float32" in release.variants:
        equal = int((EdgeEncoder(release.encoder("float32")).encode(pcm) == codes).sum())

    _say("enrolling the speaker's own voice from another recording")
    watch = _Stopwatch()
    decoder = Decoder.from_release(str(release.folder))
    decoder_loaded = watch.lap()
    own = enrol(decoder, encoder.encode(other_pcm), other_pcm / np.float32(32768))
    enrolled = watch.lap()

    # From here on only the stream is known of the recording.
    received = read_stream(out / "speech.edgy")
    decoder.check(received.header.codebook_id)
    _say("decoding in the same voice")
    watch = _Stopwatch()
    same = decoder.decode(received.codes, own)[: received.samples]
    decoded_first = watch.lap()
    name = other_voice(decoder.network.voices, own, recording.gender)
    _say(f"decoding in another voice, {name}")
    watch = _Stopwatch()
    other = decoder.decode(received.codes, decoder.voice(name))[: received.samples]
    decoded = watch.lap()

    _say("drawing")
    seconds, enrolment = len(pcm) / info.sample_rate, len(other_pcm) / info.sample_rate
    return Result(
        recording=recording,
        panels=_panels(out, pcm / np.float32(32768), same, other, name, info.sample_rate),
        samples=len(pcm),
        codes=codes,
        hues=code_hues(decoder.network.codebook),
        stream=(out / "speech.edgy").read_bytes(),
        entropy_stream=_entropy_coded(release, Stream(header, codes, samples=len(pcm)), out / "speech-entropy.edgy"),
        voice_bytes=len(SpeakerPacket(0, own).to_bytes()),
        equal_codes=equal,
        timings=(
            Timing("load the int8 encoder", loaded),
            Timing("encode", encoded, seconds),
            Timing("load the decoder", decoder_loaded),
            Timing(f"enrol a voice from {enrolment:.1f} s", enrolled, enrolment),
            Timing("decode, and compile for it", decoded_first, seconds),
            Timing("decode again", decoded, seconds),
        ),
        release=release.name,
        machine=f"{platform.system()} {platform.machine()} with {os.cpu_count()} CPUs",
        command=command,
    )


def other_voice(voices: dict[str, Floats], own: Floats, gender: str | None) -> str:
    """The synthetic voice that is least like one's own, of the other gender where that is known."""
    import numpy as np

    initials = {"F": "M", "M": "F"}.get(gender or "", "FM")
    names = [name for name in voices if name[:1] in initials] or list(voices)
    return min(names, key=lambda name: np.dot(voices[name], own) / np.linalg.norm(voices[name]))


def _panels(out: Path, raw: Floats, same: Floats, other: Floats, name: str, sample_rate: int) -> tuple[Panel, ...]:
    from edgy_tf.corpora import write_wav
    from edgy_tf.demo.figures import DARK, LIGHT, Figures
    from edgy_tf.demo.page import Panel

    figures = Figures([raw, same, other], sample_rate)
    panels = []
    for title, samples, caption in (
        ("Raw", raw, "As recorded. It stays on the device."),
        ("Same voice", same, "From the codes, in a voice enrolled from another recording of the speaker."),
        ("Other voice", other, f"From the same codes, in the synthetic voice {name}, a blend of several speakers."),
    ):
        path = out / f"{title.lower().replace(' ', '-')}.wav"
        write_wav(path, samples, sample_rate)
        panels.append(
            Panel(title, caption, path.read_bytes(), figures.draw(samples, LIGHT), figures.draw(samples, DARK))
        )
    return tuple(panels)


def _entropy_coded(release: Release, stream: Stream, path: Path) -> bytes | None:
    from dataclasses import replace

    from edgy_tf.wire import Prior, write_stream

    header = replace(stream.header, needs_prior=True)
    try:
        write_stream(path, replace(stream, header=header), Prior(release.codebook_id, release.counts()))
    except MissingDependencyError:
        return None
    return path.read_bytes()


class _Stopwatch:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        last, self._last = self._last, time.perf_counter()
        return self._last - last


def _command(args: argparse.Namespace) -> str:
    words = ["edgy", "demo", "--out", args.out, "--release", args.release]
    if args.audio:
        words += ["--audio", args.audio, "--enrol", *args.enrol]
    return shlex.join(map(str, words))


def _summary(result: Result) -> str:
    rate = result.rate(result.stream)
    entropy = "not installed" if result.entropy_stream is None else f"{result.rate(result.entropy_stream):.0f} bit/s"
    factors = {timing.step: timing.real_time for timing in result.timings}
    return (
        f"  {result.seconds:.2f} s of speech -> {len(result.codes)} codes in {len(result.stream)} bytes, no speaker packet\n"
        f"  {rate:.0f} bit/s, {result.pcm_rate / rate:.0f} times less than PCM; entropy-coded: {entropy}\n"
        f"  encode at {factors['encode']:.3g} of real time, decode at {factors['decode again']:.3g}\n"
        f"  int8 against float32: {result.agreement}\n"
        "  the codes still leak some of the speaker's traits: treat them as personal data"
    )


def _say(what: str) -> None:
    print(f"{what} ...", flush=True)
