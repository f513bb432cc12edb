from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.models.another_voice import GAIN
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Content
from edgy_tf.train.augment import changed, heard_as, masks


def test_masks_withhold_two_bands_that_are_no_wider_than_asked_for() -> None:
    bands = masks(500, mels=20, most=5, rng=np.random.default_rng(0))
    assert bands.shape == (500, 20)
    assert set(np.unique(bands)) == {0, 1}
    withheld = 20 - bands.sum(1)
    assert withheld.max() == 10
    assert withheld.min() == 0
    # Every mel is withheld at times, and what is withheld lies in two places at most.
    assert (bands.mean(0) < 1).all()
    begins = (np.diff(bands, axis=1, prepend=1) == -1).sum(1)
    assert begins.max() == 2


def test_a_levelled_encoder_learns_from_levelled_speech(plain: Preset) -> None:
    """Whatever the gain, and the same without augmentation; the clean speech to be told stays as it is."""
    levelled = replace(plain, encoder=replace(plain.encoder, levelled=True))
    rng = np.random.default_rng(0)
    pcm = np.rint(3000 * np.sin(np.arange(32000) * 0.1) * (np.arange(32000) % 4000 < 2000)).astype(np.int16)[None]
    quiet = replace(levelled, train=replace(levelled.train, gain_db=0.0, content=Content(noise_snr_db=60.0)))
    loud = replace(quiet, train=replace(quiet.train, gain_db=30.0))
    for preset in (quiet, loud):
        heard, change = changed(pcm, preset, rng)
        assert change[0, GAIN] == 0
        assert np.sqrt(np.mean(np.square(heard[:, 24000:26000] / 32768.0))) == pytest.approx(0.1, rel=0.3)
    np.testing.assert_array_equal(heard_as(pcm, plain), pcm)
    assert not np.array_equal(heard_as(pcm, levelled), pcm)
