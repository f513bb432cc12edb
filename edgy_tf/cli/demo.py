"""Encode the recording that ships, decode it in two voices, and make a page that shows and measures it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgy_tf.errors import EdgyError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from edgy_tf.demo import Recording
    from edgy_tf.demo.page import Panel, Result, Timing
    from edgy_tf.releases import Release
    from edgy_tf.wire import Stream

    Floats = npt.NDArray[np.float32]

EXAMPLE = "edgy demo --out demo"
PACKAGES = ("tensorflow", "keras", "matplotlib", "safetensors", "scipy", "soundfile")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``edgy demo``."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the page to")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="a recording of your own; needs --enrol")
    parser.add_argument(
        "--enrol", type=Path, nargs="+", metavar="FILE", help="others of its speaker, 10 s or more in all"
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

    from edgy_tf.corpora import read_pcm16, to_float32
    from edgy_tf.decode import Decoder
    from edgy_tf.decode.voices import enrol
    from edgy_tf.demo.page import Result
    from edgy_tf.demo.stream_view import code_hues
    from edgy_tf.wire import SpeakerPacket, Stream, StreamHeader, read_stream, write_stream
    from pi_runtime import EdgeEncoder

    pcm = read_pcm16(recording.audio)
    enrolment = np.concatenate([read_pcm16(path) for path in recording.enrolment])
    timings: list[Timing] = []
    step = partial(_step, timings)

    with step("load the int8 encoder"):
        encoder = EdgeEncoder(release.encoder("int8"))
    info = encoder.info
    with step("encode", len(pcm) / info.sample_rate):
        codes = encoder.encode(pcm)
    header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
    sent = Stream(header, codes, samples=len(pcm))
    write_stream(out / "speech.edgy", sent)

    with step("load the decoder"):
        decoder = Decoder.from_release(str(release.folder))
    with step("enrol the speaker's own voice", len(enrolment) / info.sample_rate):
        own = enrol(decoder, encoder.encode(enrolment), to_float32(enrolment))
    # Of the recording itself, decoding knows the stream alone.
    received = read_stream(out / "speech.edgy")
    decoder.check(received.header.codebook_id)
    with step("decode in the same voice, and compile", len(pcm) / info.sample_rate):
        same = decoder.decode(received.codes, own)[: received.samples]
    name = other_voice(decoder.network.voices, own.embedding, recording.gender)
    with step("decode in the other voice", len(pcm) / info.sample_rate):
        other = decoder.decode(received.codes, decoder.voice(name))[: received.samples]

    equal = None
    if "float32" in release.variants:
        equal = int((EdgeEncoder(release.encoder("float32")).encode(pcm) == codes).sum())
    return Result(
        recording=recording,
        panels=_panels(out, info.sample_rate, to_float32(pcm), same, other, name),
        samples=len(pcm),
        codes=codes,
        hues=code_hues(decoder.network.codebook),
        stream=(out / "speech.edgy").read_bytes(),
        entropy_stream=_entropy_coded(release, sent, out / "speech-entropy.edgy"),
        voice_bytes=len(SpeakerPacket(0, own.embedding).to_bytes()),
        equal_codes=equal,
        timings=tuple(timings),
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


@contextmanager
def _step(timings: list[Timing], name: str, speech: float | None = None) -> Iterator[None]:
    from edgy_tf.demo.page import Timing

    print(f"{name} ...", flush=True)
    started = time.perf_counter()
    yield
    timings.append(Timing(name, time.perf_counter() - started, speech))


def _panels(out: Path, sample_rate: int, raw: Floats, same: Floats, other: Floats, name: str) -> tuple[Panel, ...]:
    from edgy_tf.corpora import write_wav
    from edgy_tf.demo.figures import DARK, LIGHT, Figures
    from edgy_tf.demo.page import Panel

    figures = Figures([raw, same, other], sample_rate)

    def panel(title: str, samples: Floats, caption: str) -> Panel:
        path = out / f"{title.lower().replace(' ', '-')}.wav"
        write_wav(path, samples, sample_rate)
        light, dark = (figures.draw(samples, theme) for theme in (LIGHT, DARK))
        return Panel(title, caption, path.read_bytes(), light, dark)

    blend = f"From the same codes, in the synthetic voice {name}, a blend of several speakers."
    return (
        panel("Raw", raw, "As recorded. It stays on the device."),
        panel("Same voice", same, "From the codes, in a voice enrolled from another recording of the speaker."),
        panel("Other voice", other, blend),
    )


def _entropy_coded(release: Release, stream: Stream, path: Path) -> bytes | None:
    from edgy_tf.wire import Prior, write_stream

    try:
        write_stream(path, stream, Prior(release.codebook_id, release.counts()))
    except MissingDependencyError:
        return None
    return path.read_bytes()


def _command(args: argparse.Namespace) -> str:
    words = ["edgy", "demo", "--out", args.out, "--release", args.release]
    if args.audio:
        words += ["--audio", args.audio, "--enrol", *args.enrol]
    return shlex.join(map(str, words))


def _summary(result: Result) -> str:
    rate, coded = result.rate(result.stream), result.entropy_stream
    entropy = "not installed" if coded is None else f"{result.rate(coded):.0f} bit/s"
    steps = [f"{t.step}: {t.real_time:.3g} of real time" for t in result.timings if t.real_time is not None]
    return f"""\
  {result.seconds:.2f} s of speech -> {len(result.codes)} codes in {len(result.stream)} bytes
  {rate:.0f} bit/s, {result.pcm_rate / rate:.0f} times less than PCM; entropy-coded: {entropy}
  {steps[0]}; {steps[-1]}
  int8 against float32: {result.agreement}
  the codes still leak some of the speaker's traits: treat them as personal data"""
