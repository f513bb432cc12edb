"""How crops are heard in training: in rooms and noise, through codecs, with bands missing, in another voice."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from edgy_tf.frontend import as_heard
from edgy_tf.models.another_voice import CURVES, GAIN
from edgy_tf.preset import Preset
from edgy_tf.train.codecs import in_codecs
from edgy_tf.train.rooms import in_rooms

NOISE_SECONDS = 60
"""Of noise, from which every crop takes a stretch."""


def heard_as(pcm: npt.NDArray[np.int16], preset: Preset) -> npt.NDArray[np.int16]:
    """Crops ``[B, samples]`` as the encoder hears them (`edgy_tf.frontend.as_heard`)."""
    if not preset.encoder.levelled:
        return pcm
    return np.rint(as_heard(pcm / np.float32(32767), preset) * 32767).astype(np.int16)


def changed(
    pcm: npt.NDArray[np.int16], preset: Preset, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """Crops ``[B, samples]`` in rooms, in noise and as codecs leave them, and changes ``[B, C]`` for ``another_voice``.

    Where the encoder hears everything at one level, the gain comes before that: it learns how well a level is found.
    """
    size, cfg = len(pcm), preset.train.content
    noisy = rng.random(size) < 0.5
    snr = rng.uniform(cfg.noise_snr_db, cfg.noise_snr_db + 30, size)
    level = np.sqrt(np.mean(np.square(pcm, dtype=np.float32), 1)) * 10 ** (-snr / 20) * noisy
    noise = pink_noise(size, pcm.shape[1], rng) * level[:, None].astype(np.float32)
    spread = np.array([cfg.pitch, cfg.formants, preset.train.gain_db] + [cfg.equaliser_db / CURVES**0.5] * CURVES)
    change = (rng.uniform(-1, 1, (size, len(spread))) * spread).astype(np.float32)
    sound = pcm.astype(np.float32)
    if cfg.room:
        sound = in_rooms(sound, cfg.room, preset.front_end.sample_rate, rng)
    loud = sound + noise
    if preset.encoder.levelled:
        loud = loud * 10 ** (change[:, GAIN, None] / 20)
        change[:, GAIN] = 0
    if cfg.codecs:
        loud = 32768 * in_codecs(np.clip(loud / 32768, -1, 1), cfg.codecs, preset.front_end.sample_rate, rng)
    return heard_as(np.clip(loud, -32768, 32767).astype(np.int16), preset), change


def masks(count: int, mels: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Zeros in two bands of up to ``most`` of the ``mels`` each, and ones, ``[count, mels]``."""
    widths = rng.integers(0, most + 1, (count, 2, 1))
    begin = rng.integers(0, mels - widths + 1)
    place = np.arange(mels)
    return (~((place >= begin) & (place < begin + widths)).any(1)).astype(np.float32)


def pink_noise(count: int, samples: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Stretches ``[count, samples]`` of a minute of pink noise of unit power."""
    bank = _noise()
    places = rng.integers(0, len(bank) - samples, count)
    return bank[places[:, None] + np.arange(samples)]


@functools.cache
def _noise() -> npt.NDArray[np.float32]:
    """A minute of pink noise of unit power."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(NOISE_SECONDS * 16000))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 50))
    noise = np.fft.irfft(spectrum)
    return (noise / noise.std()).astype(np.float32)
