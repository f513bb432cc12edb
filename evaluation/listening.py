"""A page to listen to a release: the recordings that ship, raw and in each of its voices, by each vocoder.

python -m evaluation.listening pi --out docs/listening.html
"""

from __future__ import annotations

import argparse
import io
import sys
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import numpy.typing as npt
import soundfile
from tqdm import tqdm

from edgy_tf.corpora import read_pcm16, to_float32
from edgy_tf.decode import Decoder
from edgy_tf.decode.voice import Voice
from edgy_tf.decode.voices import anonymous_voice, pseudonym
from edgy_tf.demo import SHIPPED
from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import Release, find_release
from edgy_tf.weights import atomic_file
from pi_runtime import EdgeEncoder

Floats = npt.NDArray[np.float32]


def build_page(release: Release, variant: str, command: str) -> str:
    """The page as HTML, which needs nothing beside it.

    Raises:
        ModelError: the release has no such variant.
    """
    encoder = EdgeEncoder(release.encoder(variant))
    decoder = Decoder.from_release(str(release.folder))
    sections = []
    for recording in (SHIPPED.audio, *SHIPPED.enrolment):
        raw = to_float32(read_pcm16(recording))
        codes = encoder.encode(raw)
        rows = [_row("raw", "as recorded; it stays on the device", [_player(raw, "raw"), ""])]
        for name, about, voice in tqdm([*_voices(decoder)], recording.stem, unit="voice"):
            players = [_player(decoder.decode(codes, voice, vocoder=way), f"{name}, {way}") for way in decoder.vocoders]
            rows.append(_row(name, about, players))
        head = "".join(f'<th scope="col">{way}</th>' for way in ("voice", *decoder.vocoders))
        sections.append(f"""<section>
<h2>{len(raw) / decoder.sample_rate:.1f} s in {len(codes)} codes</h2>
<p class="soft">{escape(_words(release, decoder, codes))}</p>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>
{chr(10).join(rows)}
</tbody></table></div>
</section>""")
    text = {
        "release": release.name,
        "codebook": release.codebook_id,
        "variant": variant,
        "credit": SHIPPED.credit,
        "licence": SHIPPED.licence,
        "licence_url": SHIPPED.licence_url,
        "command": command,
    }
    template = Template(Path(__file__).with_name("listening.html").read_text("utf-8"))
    return template.substitute({k: escape(v) for k, v in text.items()} | {"sentences": "\n".join(sections)})


def _voices(decoder: Decoder) -> Iterator[tuple[str, str, Voice]]:
    """Name and description of each voice."""
    for name in decoder.voices:
        yield name, "of the release, a blend of several speakers", decoder.voice(name)
    yield "anonymous", "another blend each time; by griffin-lim, another tract", anonymous_voice(decoder, 0)
    yield "pseudonym:kitchen", "the blend of a name; by griffin-lim, its tract", pseudonym(decoder, "kitchen")


def _words(release: Release, decoder: Decoder, codes: npt.NDArray[np.int32]) -> str:
    """What a recogniser reads in the codes, without any sound."""
    try:
        return f"Read straight from the codes: “{open_recogniser('auto', release).read(decoder.words(codes)).strip()}”"
    except MissingDependencyError as error:
        return f"Not read as text: {error}"


def _row(name: str, about: str, cells: list[str]) -> str:
    players = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(name)}<br><small>{escape(about)}</small></th>{players}</tr>'


def _player(speech: Floats, label: str) -> str:
    # At one level, so that the louder one is not taken for the better one.
    level = float(np.sqrt(np.mean(np.square(speech)))) or 1.0
    levelled = speech * min(0.05 / level, 0.99 / max(float(np.abs(speech).max()), 1e-9))
    buffer = io.BytesIO()
    soundfile.write(buffer, levelled, 16000, format="MP3")
    data = b64encode(buffer.getvalue()).decode()
    return f'<audio controls preload="none" aria-label="{escape(label)}" src="data:audio/mpeg;base64,{data}"></audio>'


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write a page to listen to a release.")
    parser.add_argument("release", help="name of an installed release, or a folder that edgy export wrote")
    parser.add_argument("--out", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--variant", default="int8", help="encoder of the release (default: int8)")
    args = parser.parse_args()
    try:
        release = find_release(args.release)
        command = f"python -m evaluation.listening {release.name} --variant {args.variant} --out {args.out.name}"
        page = build_page(release, args.variant, command)
        with atomic_file(args.out) as file:
            file.write(page.encode())
    except EdgyError as error:
        sys.exit(str(error))
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
