"""The audit's page: one HTML file that needs nothing beside it and no script, and its figures as files."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template

from PIL import Image

from edgy_tf.weights import atomic_file
from evaluation.report.costs import bits_picture, memory_picture, time_picture
from evaluation.report.heatmaps import attacker_pictures
from evaluation.report.lookup import Result
from evaluation.report.markdown import figures
from evaluation.report.plots import tradeoff_picture, wer_picture
from evaluation.report.style import Picture
from evaluation.report.tables import (
    NOTHING,
    attack_tables,
    bits_table,
    cost_table,
    missing_table,
    provenance_table,
    utility_table,
    verdict_table,
)

_TEMPLATE = Path(__file__).with_name("page.html")
_INCH = 100
"""CSS pixels that an inch of a figure is shown as."""


def write_report(result: Result, out: Path) -> list[Path]:
    """Write ``audit.json``, the pictures, ``index.html``, which holds the pictures, too, and ``figures.md``.

    Args:
        result: what the audit found; as `evaluation.audit.Audit.run` returns it.
        out: folder; it is made if missing, and what it holds of an earlier report is overwritten.

    Returns:
        every file that was written: the data, the figures, the pictures, the page.

    Raises:
        ModelError: a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    data = out / "audit.json"
    # First of all: it took long to find out, and nothing that goes wrong below may lose it.
    with atomic_file(data) as file:
        file.write(f"{json.dumps(result, indent=1)}\n".encode())
    made: dict[str, list[Picture | None]] = {
        "words": [wer_picture(result)],
        "tradeoff": [tradeoff_picture(result)],
        "attackers": [*attacker_pictures(result)],
        "cost": [time_picture(result), memory_picture(result)],
        "bits": [bits_picture(result)],
    }
    drawn = {section: [picture for picture in pictures if picture] for section, pictures in made.items()}
    files: dict[str, bytes] = {"figures.md": figures(result).encode()}
    for picture in (picture for pictures in drawn.values() for picture in pictures):
        files |= {f"{picture.name}.png": picture.light, f"{picture.name}-dark.png": picture.dark}
    files["index.html"] = build_page(result, drawn).encode()
    for name, content in files.items():
        with atomic_file(out / name) as file:
            file.write(content)
    return [data, *(out / name for name in files)]


def build_page(result: Result, drawn: dict[str, list[Picture]]) -> str:
    """The page as HTML, with the figures of each section."""
    text = {
        "release": result["release"]["name"],
        "variant": result["release"]["variant"],
        "codebook": result["release"]["codebook_id"],
        "date": result["date"],
        "command": result["command"],
        "machine": result["machine"],
    }
    markup = {
        "verdict": verdict_table(result),
        "utility_table": utility_table(result),
        "bits_table": bits_table(result),
        "cost_table": cost_table(result),
        "attack_tables": attack_tables(result),
        "missing": missing_table(result),
        "provenance": provenance_table(result),
        **{f"{section}_figures": _figures(pictures) for section, pictures in drawn.items()},
    }
    template = Template(_TEMPLATE.read_text("utf-8"))
    return template.substitute({name: escape(value) for name, value in text.items()} | markup)


def _figures(pictures: Sequence[Picture]) -> str:
    return "\n".join(map(figure, pictures)) or NOTHING


def figure(picture: Picture) -> str:
    """A picture as HTML that holds both of its files."""
    width, height = (round(side * _INCH / 150) for side in Image.open(BytesIO(picture.light)).size)
    # A phone shows figures at half their size at least, and lets them be moved sideways.
    style = f"max-width:{width}px;min-width:{width // 2}px"
    caption = f"<p>{escape(picture.caption)}</p>" if picture.caption else ""
    about = f'width="{width}" height="{height}" style="{style}" alt="{escape(picture.alt)}"'
    return f"""<figure>
<figcaption><h3>{escape(picture.title)}</h3>{caption}</figcaption>
<div class="scroll"><picture><source media="(prefers-color-scheme: dark)" srcset="{_url(picture.dark)}">
<img src="{_url(picture.light)}" {about}></picture></div>
</figure>"""


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
