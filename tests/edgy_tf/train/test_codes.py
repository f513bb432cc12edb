from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from edgy_tf.corpora import open_corpus, to_float32
from edgy_tf.frontend import encoder_input
from edgy_tf.models.encoder import build_encoder
from edgy_tf.models.quantizer import VectorQuantizer
from edgy_tf.preset import Preset
from edgy_tf.train import codes
from edgy_tf.train.batches import crops
from edgy_tf.train.prepared import prepare


@pytest.mark.parametrize("levelled", [False, True])
def test_pieces_join_to_the_codes_of_whole_utterances(
    levelled: bool, tiny: Preset, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "PIECE", 7)
    monkeypatch.setattr(codes, "BATCH", 4)
    tiny = replace(tiny, encoder=replace(tiny.encoder, levelled=levelled))
    keras.utils.set_random_seed(0)  # Other weights might give two codes in all.
    data = prepare(open_corpus(tones), tiny.front_end, tmp_path, "train")
    quantizer = VectorQuantizer(tiny.codebook)
    quantizer.build((None, None, tiny.codebook.dim))
    quantizer.codebook.assign(np.random.default_rng(0).standard_normal(quantizer.codebook.shape))
    encoder = build_encoder(tiny)
    coded = codes.with_codes(data, tiny, encoder, quantizer)
    assert coded.codes is not None
    bounds = coded.code_bounds(tiny.stride)
    assert bounds[-1] == len(coded.codes) == sum(np.diff(data.frames) // tiny.stride)
    assert len(np.unique(coded.codes)) > 2
    for u, count in enumerate(np.diff(bounds)):
        if levelled:
            pcm = to_float32(data.pcm[data.samples[u] : data.samples[u + 1]])
            mel = encoder_input(pcm, tiny)[None, : tiny.frames_for(count)]
        else:
            mel = crops(data.mel, data.frames, np.array([u]), np.array([-tiny.history]), tiny.frames_for(count))
        whole = quantizer.nearest(encoder(mel.astype(np.float32)))[0]
        found = coded.codes[bounds[u] : bounds[u + 1]]
        if levelled:  # Samples are rounded to 16 bits on one of the two ways.
            assert np.mean(found == whole) > 0.97
        else:
            np.testing.assert_array_equal(found, whole)
