import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Phase
from edgy_tf.train.batches import batch, batches
from tests.edgy_tf.train.recordings import hiss, recorded

MEL = Phase("mel", steps=1, codes=8, batch=16)
WAVE = Phase("wave", steps=1, codes=8, wave_codes=3, batch=16)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


def test_a_batch_follows_from_seed_and_number(tiny: Preset) -> None:
    data = recorded(tiny, hiss(1), hiss(2, seed=1))
    whole = [b for (b,) in itertools.islice(batches(data, tiny, WAVE, seed=3), 6)]
    later = [b for (b,) in itertools.islice(batches(data, tiny, WAVE, seed=3, first=4), 2)]
    other = next(batches(data, tiny, WAVE, seed=4))[0]
    assert _equal(whole[4], later[0])
    assert _equal(whole[5], later[1])
    assert not any(_equal(a, b) for a, b in itertools.combinations([*whole, other], 2))


def test_shapes_are_what_the_network_takes(tiny: Preset) -> None:
    made = batch(recorded(tiny, hiss(1)), tiny, WAVE, _rng())
    frames, span = tiny.frames_for(WAVE.codes), tiny.decoder.bunch + WAVE.wave_codes * tiny.samples_per_code
    shapes = {name: (value.shape, value.dtype) for name, value in made.items()}
    assert shapes == {
        "mel": ((16, frames, tiny.front_end.mels), np.float32),
        "target": ((16, WAVE.codes * tiny.stride, tiny.front_end.mels), np.float32),
        "wave": ((16, span), np.int32),
        "speaker": ((16,), np.int32),
        "jitter": ((16, WAVE.codes), np.int32),
    }
    assert "wave" not in batch(recorded(tiny, hiss(1)), tiny, MEL, _rng())


def test_a_crop_is_a_stretch_of_an_utterance_with_silence_around_it(plain: Preset) -> None:
    data = recorded(plain, hiss(0.5), hiss(0.4, seed=1))
    made = batch(data, plain, replace(MEL, batch=64), _rng())
    # No frame of noise is as silent as what surrounds it.
    assert data.mel.max(axis=1).min() > 0.1
    starts = set()
    for mel, target, speaker in zip(made["mel"], made["target"], made["speaker"], strict=True):
        np.testing.assert_array_equal(mel[plain.history : plain.history + len(target)], target)
        candidates = [speaker - 1] if speaker else [0, 1]
        places = []
        for utterance in candidates:
            frames = data.mel[data.frames[utterance] : data.frames[utterance + 1]].astype(np.float32)
            around = np.pad(frames, ((plain.history, len(mel)), (0, 0)))
            for start in range(0, len(frames), plain.stride):
                if np.array_equal(around[start : start + len(mel)], mel):
                    places.append((utterance, start))
        assert len(places) == 1
        starts.add(places[0])
    # Crops begin at every code from which a whole one fits, the first and the last included.
    for utterance in (0, 1):
        codes = (data.frames[utterance + 1] - data.frames[utterance]) // plain.stride
        found = {start // plain.stride for u, start in starts if u == utterance}
        assert found <= set(range(codes - MEL.codes + 1))
        assert {0, codes - MEL.codes} <= found


def test_an_utterance_shorter_than_a_crop_is_followed_by_silence(plain: Preset) -> None:
    data = recorded(plain, hiss(0.03))
    made = batch(data, plain, WAVE, _rng())
    heard = len(data.mel)
    assert heard < WAVE.codes * plain.stride
    np.testing.assert_array_equal(made["target"][0, :heard], data.mel.astype(np.float32))
    assert not made["target"][:, heard:].any()
    assert not made["mel"][:, : plain.history].any()
    silence = mulaw_encode(0, plain.decoder.bits)
    first = (WAVE.codes - WAVE.wave_codes) // 2 * plain.samples_per_code
    assert first > len(data.pcm)
    assert (made["wave"] == silence).all()


def test_the_wave_is_mu_law_of_the_pre_emphasised_samples(plain: Preset) -> None:
    audio = hiss(0.16)
    data = recorded(plain, audio)
    # The utterance is exactly one crop, so the crop is the utterance.
    assert len(data.mel) == WAVE.codes * plain.stride
    made = batch(data, plain, WAVE, _rng())
    samples = data.pcm / 32768
    emphasised = samples - plain.front_end.preemphasis * np.concatenate([[0], samples[:-1]])
    first = (WAVE.codes - WAVE.wave_codes) // 2 * plain.samples_per_code
    span = slice(first - plain.decoder.bunch, first + WAVE.wave_codes * plain.samples_per_code)
    expected = mulaw_encode(emphasised[span], plain.decoder.bits)
    # float32 against float64: a sample on the edge between two classes may fall to either side.
    assert np.abs(made["wave"] - expected).max() <= 1
    assert np.mean(made["wave"] == expected) > 0.999


def test_the_wave_begins_with_the_silence_before_the_utterance(plain: Preset) -> None:
    phase = replace(WAVE, wave_codes=WAVE.codes)
    made = batch(recorded(plain, hiss(0.16)), plain, phase, _rng())
    bunch = plain.decoder.bunch
    assert (made["wave"][:, :bunch] == mulaw_encode(0, plain.decoder.bits)).all()
    assert made["wave"][:, bunch : bunch + 20].std() > 0


@pytest.mark.parametrize("onset", [4000, 6543, 9600])
def test_target_and_wave_hear_an_onset_at_the_same_time(plain: Preset, onset: int) -> None:
    t = np.arange(16000)
    tone = 0.5 * np.sin(2 * np.pi * 1000 / 16000 * (t - onset)) * (t >= onset)
    made = batch(recorded(plain, tone), plain, replace(WAVE, batch=256), _rng())
    hop, bunch = plain.front_end.hop, plain.decoder.bunch
    silence = mulaw_encode(0, plain.decoder.bits)
    first = (WAVE.codes - WAVE.wave_codes) // 2 * plain.stride
    found = 0
    for target, wave in zip(made["target"], made["wave"], strict=True):
        loud = np.flatnonzero(wave[bunch:] != silence)
        if not len(loud) or loud[0] == 0:
            continue
        # The frame that is centred on the onset's hop, but a window reaches past its hop on both sides.
        frame = first + loud[0] / hop
        heard = np.flatnonzero(target.any(axis=1))[0]
        reach = (plain.front_end.window - hop) / 2 / hop
        assert frame - 1 - reach <= heard <= frame + reach
        found += 1
    assert found > 5


def test_gain_shifts_what_the_encoder_hears_and_leaves_the_target(tiny: Preset, plain: Preset) -> None:
    data = recorded(tiny, hiss(1))
    louder = replace(plain, train=replace(plain.train, gain_db=10.0))
    made, steady = (batch(data, preset, WAVE, _rng()) for preset in (louder, plain))
    for name in ("target", "wave", "speaker", "jitter"):
        np.testing.assert_array_equal(made[name], steady[name])
    shift = made["mel"] - steady["mel"]
    heard = (steady["mel"] > 0) & (made["mel"] > 0)
    per_crop = np.array([s[h].mean() for s, h in zip(shift, heard, strict=True)])
    np.testing.assert_allclose(shift[heard], np.broadcast_to(per_crop[:, None, None], shift.shape)[heard], atol=1e-6)
    decibels = per_crop * -tiny.front_end.floor_db
    assert np.abs(decibels).max() <= 10
    assert decibels.min() < -3 < 3 < decibels.max()
    # Silence stays silence.
    assert not made["mel"][steady["mel"] == 0].any()
    assert made["mel"].min() >= 0


def test_jitter_names_neighbours(tiny: Preset) -> None:
    data = recorded(tiny, hiss(1))
    jittered = replace(tiny, train=replace(tiny.train, jitter=0.3))
    moved = batch(data, jittered, replace(MEL, batch=256), _rng())["jitter"] - np.arange(MEL.codes)
    assert set(np.unique(moved)) == {-1, 0, 1}
    inner = moved[:, 1:-1] != 0
    assert inner.mean() == pytest.approx(0.3, abs=0.05)
    # Nobody is replaced by one that is not there.
    assert moved[:, 0].min() == 0
    assert moved[:, -1].max() == 0


def test_speakers_have_a_row_each_and_row_0_is_nobodys(plain: Preset) -> None:
    data = recorded(plain, hiss(0.5), hiss(0.5, seed=1))
    speaker = batch(data, plain, replace(MEL, batch=512), _rng())["speaker"]
    assert set(speaker) == {0, 1, 2}
    assert np.mean(speaker == 0) == pytest.approx(0.1, abs=0.05)
    # Held-out speakers have no row.
    assert not batch(data, plain, MEL, _rng(), augment=False)["speaker"].any()


def test_longer_utterances_are_drawn_more_often(plain: Preset) -> None:
    data = recorded(plain, hiss(3), hiss(1, seed=1))
    speaker = batch(data, plain, replace(MEL, batch=512), _rng())["speaker"]
    assert np.sum(speaker == 1) / np.sum(speaker == 2) == pytest.approx(3, rel=0.3)


def test_a_frozen_batch_has_codes_where_the_wave_is(plain: Preset) -> None:
    phase = replace(WAVE, freeze=True)
    data = recorded(plain, hiss(1), hiss(2, seed=1))
    total = data.code_bounds(plain.stride)[-1]
    made = batch(replace(data, codes=np.arange(total, dtype=np.int32)), plain, phase, _rng())
    assert made.keys() == {"speaker", "codes", "wave"}
    np.testing.assert_array_equal(np.diff(made["codes"], axis=1), 1)
    np.testing.assert_array_equal(made["wave"], batch(data, plain, WAVE, _rng())["wave"])
