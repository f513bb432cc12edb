"""The codes of a prepared corpus, once the encoder that gives them is frozen."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from tqdm import tqdm

from edgy_tf.train.batches import crops
from edgy_tf.train.prepared import Prepared

PIECE, BATCH = 200, 64
"""Codes of a piece, and pieces that the encoder hears at once."""


def with_codes(data: Prepared, model: Any) -> Prepared:
    """``data`` with the codes that the encoder and codebook of ``model`` give for it as it stands."""
    preset = model.preset
    bounds = data.code_bounds(preset.stride)
    counts = np.diff(bounds)
    codes = np.zeros(bounds[-1], np.int32)
    pieces = [(u, start) for u, count in enumerate(counts) for start in range(0, count, PIECE)]
    for i in tqdm(range(0, len(pieces), BATCH), desc="encode corpus", unit="batch"):
        # The last batch is filled up, so that all have one shape and one compilation.
        some = np.array((pieces[i : i + BATCH] + pieces[:1] * BATCH)[:BATCH])
        begin = some[:, 1] * preset.stride - preset.history
        mel = crops(data.mel, data.frames, some[:, 0], begin, preset.frames_for(PIECE)).astype(np.float32)
        latents = model.encoder.predict_on_batch(mel)
        found = np.asarray(model.quantizer.nearest(latents))
        for (u, start), row in zip(pieces[i : i + BATCH], found, strict=False):
            end = min(counts[u], start + PIECE)
            codes[bounds[u] + start : bounds[u] + end] = row[: end - start]
    return dataclasses.replace(data, codes=codes)
