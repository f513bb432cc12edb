"""Recordings made in a test, as training finds them."""

from dataclasses import replace

import numpy as np

from edgy_tf.frontend import log_mel
from edgy_tf.preset import Preset
from edgy_tf.train.prepared import Prepared


def prepared(*recordings: np.ndarray) -> Prepared:
    """What ``prepare`` makes of 16-bit samples at 16 kHz of one speaker, but for their features."""
    samples = np.cumsum([0, *map(len, recordings)])
    return Prepared(
        pcm=np.concatenate(recordings).astype(np.int16),
        mel=np.zeros((0, 80), np.float16),
        samples=samples,
        frames=np.cumsum([0, *(-(-len(pcm) // 160) for pcm in recordings)]),
        speaker=np.zeros(len(recordings), np.int64),
        speakers=["a"],
        gender=np.zeros(len(recordings), np.int32),
        transcripts=[None] * len(recordings),
    )


def recorded(preset: Preset, *recordings: np.ndarray) -> Prepared:
    """What ``prepare`` makes of recordings, one speaker each."""
    pcm = [np.rint(audio * 32767).astype(np.int16) for audio in recordings]
    mel = [log_mel(p / np.float32(32768), preset.front_end).astype(np.float16) for p in pcm]
    return replace(
        prepared(*pcm),
        mel=np.concatenate(mel),
        frames=np.cumsum([0, *map(len, mel)]),
        speaker=np.arange(len(pcm)),
        speakers=[f"s{i}" for i in range(len(pcm))],
    )


def hiss(seconds: float, seed: int = 0) -> np.ndarray:
    """Seconds of white noise that is not cut off."""
    return 0.1 * np.random.default_rng(seed).standard_normal(int(16000 * seconds)).clip(-3, 3)
