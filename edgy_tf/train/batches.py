"""Random crops. A batch follows from the seed and its number alone, so a resumed run sees the same batches."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from edgy_tf.cpus import cpus
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Phase
from edgy_tf.train.augment import changed, heard_as, masks
from edgy_tf.train.pages import FRAMES, TOKENS, Pages
from edgy_tf.train.prepared import UNIT, Prepared
from edgy_tf.train.speed import played

NOBODY = 0.1
"""Share of the crops whose speaker is withheld."""

AHEAD = 16
"""Batches that wait for the device."""

T = TypeVar("T")
Batch = dict[str, npt.NDArray]
Ints = npt.NDArray[np.int64]


def batches(data: Prepared, preset: Preset, phase: Phase, seed: int, first: int = 0) -> Iterator[tuple[Batch]]:
    """Endless batches from number ``first`` on, each in the tuple that ``keras.Model.fit`` expects."""
    return made_ahead(lambda step: (batch(data, preset, phase, np.random.default_rng([seed, step])),), first)


def made_ahead(make: Callable[[int], T], first: int) -> Iterator[T]:
    """What ``make`` gives for ``first`` and every number after it, made while the device is at work."""
    with ThreadPoolExecutor(max(2, cpus() // 2)) as pool:
        coming = deque(pool.submit(make, first + i) for i in range(AHEAD))
        step = first + AHEAD
        while True:
            yield coming.popleft().result()
            coming.append(pool.submit(make, step))
            step += 1


def batch(data: Prepared, preset: Preset, phase: Phase, rng: np.random.Generator, augment: bool = True) -> Batch:
    """One batch for ``VQVAE``: ``phase.batch`` crops of ``phase.codes`` codes, utterances drawn by their length."""
    lengths = np.diff(data.frames)
    utterances = rng.choice(len(lengths), phase.batch, p=lengths / lengths.sum())
    room = np.maximum(0, lengths[utterances] // preset.stride - phase.codes)
    return _Draw(data, preset, phase, rng, augment, utterances, starts=rng.integers(0, room + 1)).batch()


@dataclass(frozen=True)
class _Draw:
    """Crops of a batch: of which utterances, from which code on, and the generator of what else is drawn."""

    data: Prepared
    preset: Preset
    phase: Phase
    rng: np.random.Generator
    augment: bool
    utterances: Ints
    starts: Ints

    def batch(self) -> Batch:
        out = {"speaker": self._speaker()}
        if self.phase.freeze:
            out |= self._codes()
        if self.phase.target == "content":
            return out | self._content()
        if not self.phase.freeze:
            out |= self._mel()
        return out | self._wave() if self.phase.target == "wave" else out

    @property
    def _frames(self) -> int:
        return self.phase.codes * self.preset.stride

    def _speaker(self) -> npt.NDArray:
        data, stride = self.data, self.preset.stride
        if self.preset.speaker.kind == "resnet":
            return crops(data.mel, data.frames, self.utterances, self.starts * stride, self._frames).astype(np.float32)
        # Row 0 of the table is nobody: some crops train it, and held-out speakers, who have no row, are given it.
        known = self.rng.random(self.phase.batch) >= (NOBODY if self.augment else 1.0)
        return np.where(known, data.speaker[self.utterances] + 1, 0).astype(np.int32)

    def _codes(self) -> Batch:
        assert self.data.codes is not None
        bounds = self.data.code_bounds(self.preset.stride)
        return {"codes": crops(self.data.codes, bounds, self.utterances, self.starts, self.phase.codes)}

    def _mel(self) -> Batch:
        data, preset, shape = self.data, self.preset, (self.phase.batch, self.phase.codes)
        begin = self.starts * preset.stride - preset.history
        mel = crops(data.mel, data.frames, self.utterances, begin, preset.frames_for(self.phase.codes))
        mel = mel.astype(np.float32)
        target = mel[:, preset.history : preset.history + self._frames].copy()
        if self.augment:
            # Louder or softer is a shift in dB; the decoder still gives back the recording's own level.
            gain = self.rng.uniform(-1, 1, (len(mel), 1, 1)) * preset.train.gain_db / -preset.front_end.floor_db
            mel = np.where(mel > 0, np.maximum(mel + gain, 0), 0).astype(np.float32)
        swaps = self.rng.random(shape) < preset.train.jitter
        neighbour = np.arange(shape[1]) + swaps * self.rng.choice([-1, 1], shape)
        return {"mel": mel, "target": target, "jitter": np.clip(neighbour, 0, shape[1] - 1).astype(np.int32)}

    def _wave(self) -> Batch:
        phase, preset, bunch = self.phase, self.preset, self.preset.decoder.bunch
        begin = (self.starts + (phase.codes - phase.wave_codes) // 2) * preset.samples_per_code - bunch
        count = phase.wave_codes * preset.samples_per_code + bunch
        # One sample more in front, for the pre-emphasis.
        pcm = crops(self.data.pcm, self.data.samples, self.utterances, begin - 1, count + 1) / np.float32(32768)
        emphasised = pcm[:, 1:] - preset.front_end.preemphasis * pcm[:, :-1]
        return {"wave": mulaw_encode(emphasised, preset.decoder.bits)}

    def _content(self) -> Batch:
        data, preset, codes = self.data, self.preset, self.phase.codes
        pcm = np.zeros((self.phase.batch, preset.samples_for(codes)), np.int16)
        speeds = self._speeds(self.phase.batch)
        for speed in set(speeds):
            rows = np.flatnonzero(speeds == speed)
            before = round(preset.samples_before * speed)
            begin = self.starts[rows] * preset.samples_per_code - before
            count = math.ceil(pcm.shape[1] * speed)
            pcm[rows] = played(crops(data.pcm, data.samples, self.utterances[rows], begin, count), speed, pcm.shape[1])
        out: Batch = {"pcm": pcm, "gender": data.gender[self.utterances]}
        if data.units is not None:
            out["units"] = self._labels(data.units, UNIT, speeds)
        if data.speaks is not None:
            out["speaks"] = self._labels(data.speaks, preset.stride, speeds)
        if data.prosody is not None:
            out["prosody"] = data.prosody[self.utterances]
        if self.phase.spelled:
            out |= self._pages()
        return out | (self._heard_otherwise(pcm) if self.phase.freeze else self._heard(pcm))

    def _labels(self, values: npt.NDArray, frames: int, speeds: npt.NDArray[np.float64]) -> npt.NDArray:
        """What ``values``, one for so many ``frames``, say of the crops as they are played."""
        each = self.preset.stride // frames
        place = ((np.arange(self.phase.codes * each) + 0.5) * speeds[:, None]).astype(np.int64)
        bounds = self.data.code_bounds(frames)
        return np.take_along_axis(crops(values, bounds, self.utterances, self.starts * each, place.max() + 1), place, 1)

    def _speeds(self, count: int) -> npt.NDArray[np.float64]:
        """Of ``count`` crops or pages; codes that are there already have the speed that they were made at."""
        share = self.preset.train.content.speed
        if not (share and self.augment) or self.phase.freeze:
            return np.ones(count)
        return 1 + share * self.rng.integers(-1, 2, count)

    def _pages(self) -> Batch:
        data, preset, count = self.data, self.preset, self.phase.spelled
        lead, hop, pages = preset.samples_before, preset.front_end.hop, Pages.of(data, preset.stride)
        pcm = np.zeros((count, preset.samples_for(FRAMES // preset.stride)), np.int16)
        tokens = np.zeros((count, TOKENS + 1), np.int32)
        ends = np.zeros(count, np.int32)
        for i, speed in enumerate(self._speeds(count)):
            places, tokens[i] = pages.draw(self.rng, speed)
            ends[i] = max((frame + pages.lengths[u] for u, frame in places), default=0) / speed
            sound = np.zeros(math.ceil(FRAMES * hop * speed), np.int16)
            for u, frame in places:
                speech = data.pcm[data.samples[u] : data.samples[u + 1]][: pages.lengths[u] * hop]
                sound[frame * hop :][: len(speech)] = speech
            pcm[i, lead : lead + FRAMES * hop] = played(sound[None], speed, FRAMES * hop)[0]
        if not self.augment:
            return {"page": heard_as(pcm, preset), "page_frames": ends, "tokens": tokens}
        heard, change = changed(pcm, preset, self.rng)
        return {"page": heard, "page_change": change, "page_frames": ends, "tokens": tokens}

    def _heard_otherwise(self, pcm: npt.NDArray[np.int16]) -> Batch:
        if not (self.augment and self.phase.changed):
            return {}
        return self._heard(pcm) | {"changed": self.rng.random(len(pcm)) < self.phase.changed}

    def _heard(self, pcm: npt.NDArray[np.int16]) -> Batch:
        if not self.augment:
            return {"heard": heard_as(pcm, self.preset)}
        heard, change = changed(pcm, self.preset, self.rng)
        out: Batch = {"heard": heard, "change": change}
        most = self.preset.train.content.masked_mels
        if most and not self.phase.freeze:
            out["mask"] = masks(len(pcm), self.preset.front_end.mels, most, self.rng)
        if self.phase.latent_noise:
            shape = len(pcm), self.phase.codes, self.preset.codebook.dim
            out["latent_noise"] = self.phase.latent_noise * self.rng.standard_normal(shape, np.float32)
        return out


def crops(values: npt.NDArray, bounds: Ints, utterances: Ints, starts: Ints, count: int) -> npt.NDArray:
    """``count`` values from ``starts`` of each utterance, ``[B, count, ...]``; zeros outside of it."""
    first, end = bounds[utterances], bounds[utterances + 1]
    place = (first + starts)[:, None] + np.arange(count)
    inside = (place >= first[:, None]) & (place < end[:, None])
    out = values[np.clip(place, first[:, None], end[:, None] - 1)]
    out[~inside] = 0
    return out
