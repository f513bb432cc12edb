"""Voices that are nobody's, and one's own, from a table of speakers and from a ResNet."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from edgy_tf.corpora import open_corpus
from edgy_tf.decode import Decoder
from edgy_tf.decode.voices import TRACT, anonymous_voice, enrol, pseudonym, synthetic_voices
from edgy_tf.errors import AudioError, ModelError
from edgy_tf.models import resnet
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.network import Network
from edgy_tf.preset import Preset, SpeakerConfig
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.weights import variables_of
from tests.conftest import SPEAKERS, harmonic_voice


@pytest.fixture(scope="module", params=["table", "resnet"])
def checkpoint(request: pytest.FixtureRequest, tiny: Preset) -> Iterator[Checkpoint]:
    preset = dataclasses.replace(tiny, speaker=SpeakerConfig(request.param, 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet, "STAGES", ((16, 1, 1), (32, 1, 2)))
        speakers = [("nobody", ""), *SPEAKERS.items()]
        keras.utils.set_random_seed(1)
        model = VQVAE(preset, len(speakers), preset.train.phases[0])
        # Codes of equal vectors would all sound alike.
        model.quantizer.codebook.assign(np.random.default_rng(0).normal(size=(16, 4)))
        yield Checkpoint(preset, speakers, 0, 0, 0, variables_of(model), {})


def test_blends_are_named_by_gender_and_are_nobodys(checkpoint: Checkpoint, tones: Path) -> None:
    voices = synthetic_voices(checkpoint, open_corpus(tones), each=2)
    assert list(voices) == ["default", "F1", "M1", "F2", "M2"]
    assert {voice.shape for voice in voices.values()} == {(4,)}
    assert len(np.unique(np.stack(list(voices.values())), axis=0)) >= 3


def test_without_genders_voices_are_only_numbered(checkpoint: Checkpoint, tones: Path) -> None:
    unknown = dataclasses.replace(checkpoint, speakers=[(name, "") for name, _ in checkpoint.speakers])
    assert list(synthetic_voices(unknown, open_corpus(tones), each=2)) == ["default", "V1", "V2"]


def test_one_speaker_is_not_a_blend(checkpoint: Checkpoint, tones: Path) -> None:
    alone = open_corpus(tones).select(speakers=["voice0"])
    with pytest.raises(ModelError, match="several"):
        synthetic_voices(checkpoint, alone)


def test_a_pseudonym_is_stable_and_lies_between_the_voices(checkpoint: Checkpoint, tones: Path) -> None:
    voices = synthetic_voices(checkpoint, open_corpus(tones))
    decoder = Decoder(Network(checkpoint.preset, checkpoint.model, voices))
    kitchen = pseudonym(decoder, "kitchen")
    again = pseudonym(decoder, "kitchen")
    np.testing.assert_array_equal(kitchen.embedding, again.embedding)
    assert kitchen.tract == again.tract
    known = np.stack(list(voices.values()))
    for other in (pseudonym(decoder, "attic"), anonymous_voice(decoder, 1)):
        assert np.abs(kitchen.embedding - other.embedding).max() > 1e-4
        assert abs(kitchen.tract - other.tract) > 1e-4
        assert (known.min(0) - 1e-6 <= other.embedding).all()
        assert (other.embedding <= known.max(0) + 1e-6).all()


def test_tracts_of_anonymous_voices_are_as_often_longer_as_shorter(checkpoint: Checkpoint, tones: Path) -> None:
    decoder = Decoder(Network(checkpoint.preset, checkpoint.model, synthetic_voices(checkpoint, open_corpus(tones))))
    drawn = np.log([anonymous_voice(decoder, seed).tract for seed in range(300)]) / np.log(TRACT)
    assert np.abs(drawn).max() <= 1
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), [-0.5, 0, 0.5], atol=0.15)


def test_ones_own_voice_differs_from_anothers(checkpoint: Checkpoint, tones: Path) -> None:
    voices = synthetic_voices(checkpoint, open_corpus(tones))
    decoder = Decoder(Network(checkpoint.preset, checkpoint.model, voices))
    rng = np.random.default_rng(0)
    mine, yours = (harmonic_voice(rng, pitch, 1.0) for pitch in (110, 220))
    codes = np.arange(50) % 16
    first = enrol(decoder, codes, mine, steps=5)
    assert first.embedding.shape == (4,)
    assert first.tract == 1
    np.testing.assert_array_equal(first.embedding, enrol(decoder, codes, mine, steps=5).embedding)
    assert np.abs(first.embedding - enrol(decoder, codes, yours, steps=5).embedding).max() > 1e-4


def test_a_recording_without_speech_enrols_nobody(checkpoint: Checkpoint, tones: Path) -> None:
    voices = synthetic_voices(checkpoint, open_corpus(tones))
    decoder = Decoder(Network(checkpoint.preset, checkpoint.model, voices))
    with pytest.raises(AudioError, match="too short"):
        enrol(decoder, [], np.zeros(0, np.float32))
