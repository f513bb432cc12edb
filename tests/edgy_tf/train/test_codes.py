import keras
import numpy as np
import pytest

from edgy_tf.corpora import open_corpus
from edgy_tf.models.encoder import build_encoder
from edgy_tf.models.quantizer import VectorQuantizer
from edgy_tf.preset import Preset
from edgy_tf.train import codes
from edgy_tf.train.batches import crops
from edgy_tf.train.prepared import prepare


def test_pieces_join_to_the_codes_of_whole_utterances(
    tiny: Preset, tones: object, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "PIECE", 7)
    monkeypatch.setattr(codes, "BATCH", 4)
    keras.utils.set_random_seed(0)  # Other weights might give two codes in all.
    data = prepare(open_corpus(tones), tiny.front_end, tmp_path, "train")
    quantizer = VectorQuantizer(tiny.codebook)
    quantizer.build((None, None, tiny.codebook.dim))
    quantizer.codebook.assign(np.random.default_rng(0).standard_normal(quantizer.codebook.shape))
    encoder = build_encoder(tiny)
    coded = codes.with_codes(data, tiny, encoder, quantizer)
    bounds = coded.code_bounds(tiny.stride)
    assert bounds[-1] == len(coded.codes) == sum(np.diff(data.frames) // tiny.stride)
    assert len(np.unique(coded.codes)) > 2
    for u, count in enumerate(np.diff(bounds)):
        mel = crops(data.mel, data.frames, np.array([u]), np.array([-tiny.history]), tiny.frames_for(count))
        whole = quantizer.nearest(encoder(mel.astype(np.float32)))[0]
        np.testing.assert_array_equal(coded.codes[bounds[u] : bounds[u + 1]], whole)
