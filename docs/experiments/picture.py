"""The table of docs/experiments.md as a picture: what each candidate hides, against the words that it loses.

    pip install -e '.[eval]'
    python docs/experiments/picture.py docs/experiments.md docs/experiments.png

Names releases, those that no other candidate betters in both, and those that lose more words than it has room for.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from edgy_tf.demo.figures import Theme
from evaluation.report.compare import HEAD
from evaluation.report.style import PALETTE, dress, name_point, new_figure, picture

TEXT, SPEECH = HEAD[2:4]
WORDS_BAR = 20.0
"""On text, points."""
EDGE = 60.0
"""Points beyond which a candidate stands at the edge, so that the others can be told apart."""
PANELS = {
    "identity, EER, code-level": ("Who speaks, from codes: EER, %", 25.0, 1),
    "gender, best attacker": ("Gender, best attacker, %", 75.0, -1),
    "emotion, best attacker": ("Emotion, best attacker, UAR, %", 35.6, -1),
}
"""By column: what it is, its bar, and whether more of it (1) or less (-1) is hidden better."""

Row = dict[str, str]


def candidates(page: str) -> list[Row]:
    """Rows of the table of figures, by the names of its columns."""
    lines = iter(page.splitlines())
    head = "| " + " | ".join(HEAD) + " |"
    if head not in lines:
        sys.exit(f"no table of candidates, which begins '{head[:30]}...'")
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(HEAD, (cell.strip() for cell in line.strip("| ").split(" | ")), strict=True)))
    return rows


def lost(row: Row) -> float:
    """Points of WER above raw, by the way on which fewer are."""
    return min(float(row[way]) for way in (TEXT, SPEECH) if row[way] != "–")


def draw(rows: list[Row], theme: Theme) -> Figure:
    """A panel for each of `PANELS`; a green corner is where both bars hold."""
    drawn = new_figure(13.5, 4.6, theme)
    for axes, (column, (title, bar, better)) in zip(drawn.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        places = {row[HEAD[0]]: (lost(row), float(row[column])) for row in rows}
        best = {name for name, place in places.items() if not any(_betters(o, place, better) for o in places.values())}
        for name, (words, value) in places.items():
            config, _, release = name.partition(",")[0].replace("`", "").partition(" (")
            x, marker = (words, "o") if words <= EDGE else (EDGE, ">")
            axes.plot(x, value, marker, color=PALETTE[3] if name in best else PALETTE[0], markersize=5)
            if words > EDGE:
                name_point(axes, (x, value), [f"{config}: {words:.0f}"], theme.ink, (-5, 4), "right")
            elif name in best or release:
                # A release has neighbours that are about as good, so its name goes to the other side.
                name_point(axes, (x, value), [release.rstrip(")") or config], theme.ink, (4, -9) if release else (4, 3))
        axes.set_xlim(WORDS_BAR - 5, EDGE + 1)
        low, high = axes.get_ylim()
        axes.fill_between([0, WORDS_BAR], bar, high if better > 0 else low, color=PALETTE[2], alpha=0.3)
        axes.axhline(bar, color=PALETTE[2], linewidth=1, linestyle="--")
        axes.set_ylim(low, high)
        axes.set_xlabel("words lost, points of WER above raw speech")
        dress(axes, theme, title, grid="both")
    return drawn


def _betters(other: tuple[float, float], place: tuple[float, float], better: int) -> bool:
    return other != place and other[0] <= place[0] and better * other[1] >= better * place[1]


def main(page: Path, out: Path) -> None:
    """Read the table, draw it."""
    rows = candidates(page.read_text("utf-8"))
    made = picture(lambda theme: draw(rows, theme), name=out.stem, title="Candidates", alt="", caption="")
    out.write_bytes(made.light)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(str(__doc__))
    main(Path(sys.argv[1]), Path(sys.argv[2]))
