"""The codes of a prepared corpus, once the encoder that gives them is frozen."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.frontend.spectra import features, magnitudes
from edgy_tf.models.another_voice import another_voice
from edgy_tf.models.quantizer import VectorQuantizer
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from edgy_tf.train.augment import changed, heard_as
from edgy_tf.train.batches import crops
from edgy_tf.train.prepared import Prepared

PIECE, BATCH = 200, 64
"""Codes of a piece, and pieces that the encoder hears at once."""

Ints = npt.NDArray[np.int32]
Hear = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Any]
"""Utterances ``[B]`` and the codes that pieces of them begin at ``[B]`` to the codes of the pieces, ``[B, PIECE]``."""


def with_codes(data: Prepared, preset: Preset, encoder: Any, quantizer: VectorQuantizer) -> Prepared:
    """``data`` with the codes that an encoder and its codebook give for it as it stands."""
    if preset.encoder.levelled:
        return _with_codes_of_sound(data, preset, encoder, quantizer)

    def hear(utterances: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Any:
        begin = starts * preset.stride - preset.history
        mel = crops(data.mel, data.frames, utterances, begin, preset.frames_for(PIECE)).astype(np.float32)
        return quantizer.nearest(encoder.predict_on_batch(mel))

    return dataclasses.replace(data, codes=_codes(data, preset, hear))


def with_network_codes(data: Prepared, network: Network, seed: int | None = None) -> Prepared:
    """``data`` with the codes of a network, as it stands or, with a ``seed``, as other people might have said it.

    Each utterance then has another voice, and some have noise. What the change is follows from the preset's
    ``train.content``, and from ``seed`` and the utterance's number alone.
    """
    preset = network.preset
    quantizer = VectorQuantizer(preset.codebook)
    quantizer.build((None, None, preset.codebook.dim))
    quantizer.codebook.assign(network.codebook)
    if seed is None:
        return with_codes(data, preset, network.encoder(), quantizer)
    hearing = _Hearing(preset, network.encoder())

    def hear(utterances: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Any:
        begin = starts * preset.samples_per_code - preset.samples_before
        pcm = crops(data.pcm, data.samples, utterances, begin, preset.samples_for(PIECE))
        rngs = (np.random.default_rng([seed, u]) for u in utterances)
        rows = [changed(row[None], preset, rng) for row, rng in zip(pcm, rngs, strict=True)]
        heard, changes = (np.concatenate(part) for part in zip(*rows, strict=True))
        return quantizer.nearest(hearing.predict_on_batch((heard.astype(np.float32) / 32768, changes)))

    return dataclasses.replace(data, codes=_codes(data, preset, hear))


def _with_codes_of_sound(data: Prepared, preset: Preset, encoder: Any, quantizer: VectorQuantizer) -> Prepared:
    """The same for an encoder that hears everything at one level, as the prepared features are not."""
    hearing = _Hearing(preset, encoder)
    utterances = itertools.pairwise(data.samples)
    pcm = np.concatenate([heard_as(data.pcm[None, a:b], preset)[0] for a, b in tqdm(utterances, desc="level corpus")])

    def hear(utterances: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]) -> Any:
        begin = starts * preset.samples_per_code - preset.samples_before
        heard = crops(pcm, data.samples, utterances, begin, preset.samples_for(PIECE))
        return quantizer.nearest(hearing.predict_on_batch((heard.astype(np.float32) / 32768, None)))

    return dataclasses.replace(data, codes=_codes(data, preset, hear))


class _Hearing(keras.Model):
    """Samples ``[B, N]``, and a ``change [B, C]`` of each or None, to the latents of an encoder that hears them so."""

    def __init__(self, preset: Preset, encoder: Any) -> None:
        super().__init__(name="hearing", dtype="float32")
        self._front_end = preset.front_end
        self._encoder = encoder

    def call(self, given: tuple[Any, Any]) -> Any:
        """The latents, ``[B, codes, D]``."""
        samples, change = given
        spectra = magnitudes(samples, self._front_end)
        return self._encoder(features(spectra if change is None else another_voice(spectra, change), self._front_end))


def _codes(data: Prepared, preset: Preset, hear: Hear) -> Ints:
    bounds = data.code_bounds(preset.stride)
    counts = np.diff(bounds)
    codes = np.zeros(bounds[-1], np.int32)
    pieces = [(u, start) for u, count in enumerate(counts) for start in range(0, count, PIECE)]
    for i in tqdm(range(0, len(pieces), BATCH), desc="encode corpus", unit="batch"):
        # The last batch is filled up, so that all have one shape and one compilation.
        some = np.array((pieces[i : i + BATCH] + pieces[:1] * BATCH)[:BATCH])
        found = np.asarray(hear(some[:, 0], some[:, 1]))
        for (u, start), row in zip(pieces[i : i + BATCH], found, strict=False):
            end = min(counts[u], start + PIECE)
            codes[bounds[u] + start : bounds[u] + end] = row[: end - start]
    return codes
