"""The page of ``edgy demo``: one HTML file that needs nothing beside it and no script."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt

from edgy_tf.demo import Recording
from edgy_tf.demo.stream_view import Disclosure, code_rows, code_strip, hex_dump
from edgy_tf.wire import bits_per_second
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import Kind

_TEMPLATE = Path(__file__).with_name("page.html")
_PCM_BITS = 16


@dataclass(frozen=True)
class Panel:
    """One of the recordings that the page compares.

    Attributes:
        title: its heading.
        caption: how it came about.
        wav: the sound file.
        light: waveform and spectrogram as PNG, for a light page.
        dark: the same for a dark page.
    """

    title: str
    caption: str
    wav: bytes
    light: bytes
    dark: bytes


@dataclass(frozen=True)
class Timing:
    """How long a step took; ``speech`` is the length of what it worked on, in seconds, if that matters."""

    step: str
    seconds: float
    speech: float | None = None

    @property
    def real_time(self) -> float | None:
        """Seconds of work for each second of speech."""
        return self.seconds / self.speech if self.speech else None


@dataclass(frozen=True, eq=False)
class Result:
    """What a run of the demonstration found.

    Attributes:
        recording: that was used.
        panels: raw, same voice, other voice.
        samples: of the recording.
        codes: of the int8 encoder, int32 [n].
        hues: a hue in degrees for each code of the codebook, int64 [K].
        stream: the ``.edgy`` file, packed.
        entropy_stream: the same codes entropy-coded, or None if constriction is not installed.
        voice_bytes: that a speaker packet of the enrolled voice would take.
        equal_codes: codes that the float32 encoder gives as well, or None if the release has none.
        timings: of the steps, in order.
        release: name of the release.
        machine: where it ran.
        command: that ran it.
    """

    recording: Recording
    panels: tuple[Panel, ...]
    samples: int
    codes: npt.NDArray[np.int32]
    hues: npt.NDArray[np.int64]
    stream: bytes
    entropy_stream: bytes | None
    voice_bytes: int
    equal_codes: int | None
    timings: tuple[Timing, ...]
    release: str
    machine: str
    command: str

    @property
    def disclosure(self) -> Disclosure:
        """What left the device."""
        return Disclosure.of(self.stream)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.samples / self.disclosure.header.sample_rate

    @property
    def pcm_rate(self) -> float:
        """Bits a second of the raw recording."""
        return float(_PCM_BITS * self.disclosure.header.sample_rate)

    def rate(self, stream: bytes) -> float:
        """Bits a second of a stream of the codes."""
        return bits_per_second(len(stream), len(self.codes), self.disclosure.header)

    @property
    def agreement(self) -> str:
        """How many codes int8 and float32 have in common, in words."""
        if self.equal_codes is None:
            return "this release has no float32 encoder to compare with"
        share = self.equal_codes / len(self.codes)
        return f"{self.equal_codes} of {len(self.codes)} codes equal ({share:.1%})"


def build_page(result: Result) -> str:
    """The page as HTML."""
    header = result.disclosure.header
    rate = result.rate(result.stream)
    first = result.disclosure.packets[0][1]
    text = {
        "seconds": f"{result.seconds:.2f}",
        "count": f"{len(result.codes)}",
        "bytes": f"{len(result.stream):,}",
        "rate": f"{rate:,.0f}",
        "ratio": f"{result.pcm_rate / rate:,.0f}",
        "range": f"{header.codebook_size - 1}",
        "bits": f"{header.bits}",
        "release": result.release,
        "codebook": header.codebook_id,
        "agreement": result.agreement,
        "machine": result.machine,
        "command": result.command,
        "transcript": f"“{result.recording.transcript}”" if result.recording.transcript else "",
        "numbers": code_rows(result.codes),
        "first_size": f"{len(first)}",
        "stream_url": _data_url("application/octet-stream", result.stream),
    }
    markup = {
        "panels": "\n".join(map(_panel, result.panels)),
        "strip": code_strip(result.codes, result.hues, float(header.code_rate)),
        "dump": hex_dump(first, HEADER_SIZE),
        "rates": "\n".join(_rates(result)),
        "timings": "\n".join(_timing(timing) for timing in result.timings),
        "disclosure": "\n".join(_disclosure(result)),
        "licence": _licence(result.recording),
    }
    template = Template(_TEMPLATE.read_text("utf-8"))
    return template.substitute({name: escape(value) for name, value in text.items()} | markup)


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


def _panel(panel: Panel) -> str:
    title, caption = escape(panel.title), escape(panel.caption)
    alt = f"{title}: waveform, and below it the spectrogram, on the scales that all three share"
    return f"""<figure>
<figcaption><h3>{title}</h3><p>{caption}</p></figcaption>
<audio controls preload="metadata" aria-label="{title}" src="{_data_url("audio/wav", panel.wav)}"></audio>
<picture><source media="(prefers-color-scheme: dark)" srcset="{_data_url("image/png", panel.dark)}">
<img src="{_data_url("image/png", panel.light)}" width="640" height="528" alt="{alt}"></picture>
</figure>"""


def _row(name: str, *cells: str) -> str:
    rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{rest}</tr>'


def _rates(result: Result) -> list[str]:
    rows = [_row("16-bit PCM", f"{result.samples * _PCM_BITS // 8:,}", f"{result.pcm_rate:,.0f}", "1 ×")]
    for name, stream in ((".edgy, packed", result.stream), (".edgy, entropy-coded", result.entropy_stream)):
        if stream is None:
            rows.append(_row(name, "not installed", "–", "–"))
        else:
            rate = result.rate(stream)
            rows.append(_row(name, f"{len(stream):,}", f"{rate:,.0f}", f"{result.pcm_rate / rate:,.0f} ×"))
    return rows


def _timing(timing: Timing) -> str:
    unit = f"{timing.seconds:.2f} s" if timing.seconds >= 1 else f"{1000 * timing.seconds:.1f} ms"
    factor = timing.real_time
    return _row(timing.step, unit, "–" if factor is None else f"{factor:.3g}")


def _disclosure(result: Result) -> list[str]:
    disclosure = result.disclosure
    header = disclosure.header
    codes = disclosure.sizes(Kind.CODES)
    per_code = f"{header.samples_per_code} samples a code"
    about = f"codebook {header.codebook_id}, {header.sample_rate} Hz, {per_code}"
    length = "number of codes and of samples: the exact length"
    voice = f"none; one with the enrolled voice would take {result.voice_bytes} bytes and tell who speaks"
    return [
        _row("Header", f"{HEADER_SIZE}", about),
        _row("Packets of codes", f"{sum(codes)}", f"{len(codes)} with {len(result.codes)} codes"),
        _row("Speaker packet", f"{sum(disclosure.sizes(Kind.SPEAKER))}", voice),
        _row("End packet", f"{sum(disclosure.sizes(Kind.END))}", length),
        _row("In all", f"{len(result.stream):,}", "the sound itself stayed on the device"),
    ]


def _licence(recording: Recording) -> str:
    if not recording.licence:
        return "<p>Given with --audio: it is its owner’s, and so is the right to pass this page on.</p>"
    return f"""<p>{escape(recording.credit)}</p>
<p>Licence: <a href="{escape(recording.licence_url)}">{escape(recording.licence)}</a>. The raw recording is
unchanged but for its file format; the other two were made from it by this program, and its authors do not
endorse them.</p>"""
