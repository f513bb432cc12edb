"""Random crops. A batch follows from the seed and its number alone, so a resumed run sees the same batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgy_tf.frontend.logmel import Floats
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.preset import Phase, Preset
from edgy_tf.train.prepared import Prepared

NOBODY = 0.1
"""Share of the crops whose speaker is withheld."""

Batch = dict[str, npt.NDArray]


def batches(data: Prepared, preset: Preset, phase: Phase, seed: int, first: int = 0) -> Iterator[tuple[Batch]]:
    """Endless batches from number ``first`` on, each in the tuple that ``keras.Model.fit`` expects."""
    step = first
    while True:
        yield (batch(data, preset, phase, np.random.default_rng([seed, step])),)
        step += 1


def batch(data: Prepared, preset: Preset, phase: Phase, rng: np.random.Generator, augment: bool = True) -> Batch:
    """One batch for ``VQVAE``: ``phase.batch`` crops of ``phase.codes`` codes, utterances drawn by their length."""
    lengths = np.diff(data.frames)
    utterances = rng.choice(len(lengths), phase.batch, p=lengths / lengths.sum())
    room = np.maximum(0, lengths[utterances] // preset.stride - phase.codes)
    starts = rng.integers(0, room + 1)
    frames = phase.codes * preset.stride
    mel = np.stack(
        [
            _mel(data, u, s * preset.stride - preset.history, preset.frames_for(phase.codes))
            for u, s in zip(utterances, starts, strict=True)
        ]
    )
    target = mel[:, preset.history : preset.history + frames].copy()
    if augment:
        # Louder or softer is a shift in dB; the decoder still gives back the recording's own level.
        gain = rng.uniform(-1, 1, (phase.batch, 1, 1)) * preset.train.gain_db / -preset.front_end.floor_db
        mel = np.where(mel > 0, np.maximum(mel + gain, 0), 0).astype(np.float32)
    swaps = rng.random((phase.batch, phase.codes)) < preset.train.jitter
    neighbour = np.arange(phase.codes) + swaps * rng.choice([-1, 1], (phase.batch, phase.codes))
    out: Batch = {"mel": mel, "target": target, "jitter": np.clip(neighbour, 0, phase.codes - 1).astype(np.int32)}
    if preset.speaker.kind == "table":
        # Row 0 of the table is nobody: some crops train it, and held-out speakers, who have no row, are given it.
        known = rng.random(phase.batch) >= (NOBODY if augment else 1.0)
        out["speaker"] = np.where(known, data.speaker[utterances] + 1, 0).astype(np.int32)
    else:
        out["speaker"] = target
    if phase.target == "wave":
        first = starts + (phase.codes - phase.wave_codes) // 2
        bunch = preset.decoder.bunch
        span = phase.wave_codes * preset.samples_per_code
        out["wave"] = np.stack(
            [
                _wave(data, preset, u, f * preset.samples_per_code - bunch, span + bunch)
                for u, f in zip(utterances, first, strict=True)
            ]
        )
    return out


def _mel(data: Prepared, utterance: int, start: int, count: int) -> Floats:
    """Frames ``[start, start + count)`` of an utterance; silence (0) outside of it."""
    begin, end = data.frames[utterance], data.frames[utterance + 1]
    lo, hi = min(max(begin, begin + start), end), min(end, begin + start + count)
    out = np.zeros((count, data.mel.shape[1]), np.float32)
    offset = lo - (begin + start)
    out[offset : offset + hi - lo] = data.mel[lo:hi]
    return out


def _wave(data: Prepared, preset: Preset, utterance: int, start: int, count: int) -> npt.NDArray[np.int32]:
    """Mu-law classes of the pre-emphasised samples ``[start, start + count)``; silence outside the utterance."""
    begin, end = data.samples[utterance], data.samples[utterance + 1]
    # One sample more in front, for the pre-emphasis.
    lo, hi = min(max(begin, begin + start - 1), end), min(end, begin + start + count)
    out = np.zeros(count + 1, np.float32)
    offset = lo - (begin + start - 1)
    out[offset : offset + hi - lo] = data.pcm[lo:hi] / np.float32(32768)
    return mulaw_encode(out[1:] - preset.front_end.preemphasis * out[:-1], preset.decoder.bits)
