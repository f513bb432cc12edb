"""Random crops. A batch follows from the seed and its number alone, so a resumed run sees the same batches."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from edgy_tf.models.hearing import CURVES
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.preset import Phase, Preset
from edgy_tf.train.prepared import Prepared

NOBODY = 0.1
"""Share of the crops whose speaker is withheld."""

AHEAD = 8
"""Batches made while the device is at work."""

NOISE_SECONDS = 60

Batch = dict[str, npt.NDArray]
Ints = npt.NDArray[np.int64]


def batches(data: Prepared, preset: Preset, phase: Phase, seed: int, first: int = 0) -> Iterator[tuple[Batch]]:
    """Endless batches from number ``first`` on, each in the tuple that ``keras.Model.fit`` expects."""

    def make(step: int) -> tuple[Batch]:
        return (batch(data, preset, phase, np.random.default_rng([seed, step])),)

    with ThreadPoolExecutor(2) as pool:
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
    starts = rng.integers(0, room + 1)
    out = _speakers(data, preset, phase, utterances, starts, rng, augment)
    if phase.target == "content":
        return out | _sound(data, preset, phase, utterances, starts, rng)
    if phase.freeze:
        assert data.codes is not None
        assert data.code_bounds is not None
        out["codes"] = crops(data.codes, data.code_bounds, utterances, starts, phase.codes).astype(np.int32)
    else:
        out |= _mel(data, preset, phase, utterances, starts, rng, augment)
    if phase.target == "wave":
        begin = (starts + (phase.codes - phase.wave_codes) // 2) * preset.samples_per_code - preset.decoder.bunch
        count = phase.wave_codes * preset.samples_per_code + preset.decoder.bunch
        # One sample more in front, for the pre-emphasis.
        pcm = crops(data.pcm, data.samples, utterances, begin - 1, count + 1) / np.float32(32768)
        out["wave"] = mulaw_encode(pcm[:, 1:] - preset.front_end.preemphasis * pcm[:, :-1], preset.decoder.bits)
    return out


def _speakers(
    data: Prepared,
    preset: Preset,
    phase: Phase,
    utterances: Ints,
    starts: Ints,
    rng: np.random.Generator,
    augment: bool,
) -> Batch:
    if preset.speaker.kind == "resnet":
        frames = phase.codes * preset.stride
        return {"speaker": crops(data.mel, data.frames, utterances, starts * preset.stride, frames).astype(np.float32)}
    # Row 0 of the table is nobody: some crops train it, and held-out speakers, who have no row, are given it.
    known = rng.random(phase.batch) >= (NOBODY if augment else 1.0)
    return {"speaker": np.where(known, data.speaker[utterances] + 1, 0).astype(np.int32)}


def _mel(
    data: Prepared,
    preset: Preset,
    phase: Phase,
    utterances: Ints,
    starts: Ints,
    rng: np.random.Generator,
    augment: bool,
) -> Batch:
    frames = phase.codes * preset.stride
    begin = starts * preset.stride - preset.history
    mel = crops(data.mel, data.frames, utterances, begin, preset.frames_for(phase.codes)).astype(np.float32)
    target = mel[:, preset.history : preset.history + frames].copy()
    if augment:
        # Louder or softer is a shift in dB; the decoder still gives back the recording's own level.
        gain = rng.uniform(-1, 1, (phase.batch, 1, 1)) * preset.train.gain_db / -preset.front_end.floor_db
        mel = np.where(mel > 0, np.maximum(mel + gain, 0), 0).astype(np.float32)
    swaps = rng.random((phase.batch, phase.codes)) < preset.train.jitter
    neighbour = np.arange(phase.codes) + swaps * rng.choice([-1, 1], (phase.batch, phase.codes))
    return {"mel": mel, "target": target, "jitter": np.clip(neighbour, 0, phase.codes - 1).astype(np.int32)}


def _sound(
    data: Prepared, preset: Preset, phase: Phase, utterances: Ints, starts: Ints, rng: np.random.Generator
) -> Batch:
    fe, cfg = preset.front_end, preset.train.content
    frames = preset.frames_for(phase.codes)
    begin = (starts * preset.stride - preset.history) * fe.hop - (fe.window - fe.hop) // 2 - 1
    pcm = crops(data.pcm, data.samples, utterances, begin, (frames - 1) * fe.hop + fe.window + 1)
    noisy = rng.random(phase.batch) < 0.5
    snr = rng.uniform(cfg.noise_snr_db, cfg.noise_snr_db + 30, phase.batch)
    level = np.sqrt(np.mean(np.square(pcm, dtype=np.float32), 1)) * 10 ** (-snr / 20) * noisy
    bank = _noise()
    places = rng.integers(0, len(bank) - pcm.shape[1], phase.batch)
    noise = bank[places[:, None] + np.arange(pcm.shape[1])] * level[:, None].astype(np.float32)
    spread = np.array([cfg.pitch, cfg.formants, preset.train.gain_db] + [cfg.equaliser_db / CURVES**0.5] * CURVES)
    return {
        "pcm": pcm,
        "heard": np.clip(pcm + noise, -32768, 32767).astype(np.int16),
        "change": (rng.uniform(-1, 1, (phase.batch, len(spread))) * spread).astype(np.float32),
        "gender": data.gender[utterances],
    }


@functools.cache
def _noise() -> npt.NDArray[np.float32]:
    """A minute of pink noise of unit power."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(NOISE_SECONDS * 16000))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 50))
    noise = np.fft.irfft(spectrum)
    return (noise / noise.std()).astype(np.float32)


def crops(values: npt.NDArray, bounds: Ints, utterances: Ints, starts: Ints, count: int) -> npt.NDArray:
    """``count`` values from ``starts`` of each utterance, ``[B, count, ...]``; zeros outside of it."""
    first, end = bounds[utterances], bounds[utterances + 1]
    place = (first + starts)[:, None] + np.arange(count)
    inside = (place >= first[:, None]) & (place < end[:, None])
    out = values[np.clip(place, first[:, None], end[:, None] - 1)]
    out[~inside] = 0
    return out
