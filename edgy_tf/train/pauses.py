"""Where nobody speaks: what a pause sounds like tells of the room, the microphone and the effort, and of no word."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edgy_tf.preset import Preset
from edgy_tf.train.prepared import Prepared


def with_pauses(data: Prepared, preset: Preset) -> Prepared:
    """``data`` with what its codes speak of: a pause is a code, and its neighbours, far below the utterance's level.

    How far is the preset's ``train.content.pause_db``. For ``pause_around`` codes around it all must be as quiet: the
    end of a word, and the closure of a plosive, are no pauses then, and codes just after a word can still tell what
    was only just heard.
    """
    bounds, step, cfg = data.code_bounds(preset.stride), preset.samples_per_code, preset.train.content
    near = 2 * cfg.pause_around + 1
    speaks = np.ones(bounds[-1], np.int8)
    for u, (begin, end) in enumerate(itertools.pairwise(bounds)):
        if begin == end:
            continue
        sound = data.pcm[data.samples[u] : data.samples[u + 1]][: (end - begin) * step].astype(np.float32)
        whole = np.pad(sound, (0, (end - begin) * step - len(sound)))  # The last code may be of a few samples alone.
        power = np.mean(np.square(whole.reshape(-1, step)), 1)
        quiet = power < power.mean() * 10 ** (-cfg.pause_db / 10)
        around = sliding_window_view(np.pad(quiet, cfg.pause_around, constant_values=True), near)
        speaks[begin:end] = ~around.all(-1)
    return dataclasses.replace(data, speaks=speaks)
