"""Waveforms and spectrograms as PNG images, on scales that all recordings share (the paper's figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.mlab import specgram
from PIL import Image

Floats = npt.NDArray[np.float32]

RANGE_DB = 70
"""From the brightest to the darkest colour."""
COLOURS = "magma"


@dataclass(frozen=True)
class Theme:
    """Colours of the page's cards, which the figures continue."""

    paper: str
    ink: str
    line: str


LIGHT = Theme(paper="#ffffff", ink="#3c4048", line="#0b5a7a")
DARK = Theme(paper="#1d2026", ink="#c3c7ce", line="#7cc4e4")


class Figures:
    """Draws recordings of one sample rate on one scale of time, amplitude and loudness.

    Args:
        recordings: samples ``[n]`` in [-1, 1] of each; the loudest point of the first is 0 dB.
        sample_rate: of all, Hz.
    """

    def __init__(self, recordings: Sequence[Floats], sample_rate: int) -> None:
        self._rate = sample_rate
        self._seconds = max(len(samples) for samples in recordings) / sample_rate
        self._peak = max(float(np.abs(samples).max()) for samples in recordings) or 1.0
        self._loudest = self._decibels(recordings[0])[0].max()

    def draw(self, samples: Floats, theme: Theme) -> bytes:
        """The waveform above the spectrogram of ``samples [n]``, as a PNG."""
        figure = Figure(figsize=(4, 3.3), dpi=160, layout="constrained", facecolor=theme.paper)
        wave, spectrogram = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.6))
        wave.plot(np.arange(len(samples)) / self._rate, samples, color=theme.line, linewidth=0.4)
        wave.set(ylim=(-self._peak, self._peak), ylabel="amplitude", xlim=(0, self._seconds))
        wave.tick_params(labelbottom=False)
        decibels, times = self._decibels(samples)
        step = self._hop / self._rate
        image = spectrogram.imshow(
            decibels - self._loudest,
            origin="lower",
            aspect="auto",
            extent=(times[0] - step / 2, times[-1] + step / 2, 0, self._rate / 2000),
            vmin=-RANGE_DB,
            vmax=0,
            cmap=COLOURS,
        )
        spectrogram.set(xlabel="seconds", ylabel="kHz")
        bar = figure.colorbar(image, ax=spectrogram, label="dB", pad=0.02, aspect=30)
        for axes in (wave, spectrogram, bar.ax):
            axes.set_facecolor(theme.paper)
            axes.tick_params(colors=theme.ink, labelsize=8)
            for label in (axes.xaxis.label, axes.yaxis.label):
                label.set(color=theme.ink, fontsize=8)
            for spine in axes.spines.values():
                spine.set_edgecolor(theme.ink)
        return _small_png(figure, theme)

    @property
    def _hop(self) -> int:
        return self._rate // 200

    def _decibels(self, samples: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Levels ``[bins, frames]`` over 25 ms every 5 ms, and the middle of each frame in seconds."""
        window = self._rate // 40
        # At least two frames, of which matplotlib does not complain.
        whole = np.pad(samples, (0, max(0, window + self._hop - len(samples))))
        power, _, times = specgram(whole, window, self._rate, noverlap=window - self._hop, pad_to=2 * window)
        return 10 * np.log10(np.maximum(power, 1e-14)), np.asarray(times)


def _small_png(figure: Figure, theme: Theme) -> bytes:
    """All colours of the figure fit a palette, which takes less than half the bytes."""
    blends = [np.linspace(to_rgb(theme.paper), to_rgb(colour), 32) for colour in (theme.ink, theme.line)]
    colours = np.concatenate([colormaps[COLOURS](np.linspace(0, 1, 192))[:, :3], *blends])
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * colours).astype(np.uint8).tobytes())
    full, small = BytesIO(), BytesIO()
    figure.savefig(full, format="png")
    image = Image.open(full).convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    image.save(small, "png", optimize=True)
    return small.getvalue()
