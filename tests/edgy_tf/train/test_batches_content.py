import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.preset import Preset
from edgy_tf.preset_training import Content, Phase
from edgy_tf.train.batches import batch
from edgy_tf.whisper_base import END, PROMPT, TICK, ZERO
from tests.edgy_tf.train.recordings import hiss, recorded


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_content_batch_has_the_sound_that_its_codes_depend_on(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=32)
    content = Content(pitch=0.5, formants=0.25, equaliser_db=6, noise_snr_db=0)
    preset = replace(plain, train=replace(plain.train, gain_db=15.0, content=content))
    data = replace(recorded(preset, hiss(1), hiss(0.1, seed=1)), gender=np.array([1, 2], np.int32))
    made = batch(data, preset, phase, _rng())
    assert made["pcm"].shape == made["heard"].shape == (32, preset.samples_for(8))
    assert made["pcm"].dtype == made["heard"].dtype == np.int16
    # Every crop is a stretch of its utterance between silences.
    for pcm, gender in zip(made["pcm"], made["gender"], strict=True):
        begin, end = data.samples[gender - 1], data.samples[gender]
        padded = np.pad(data.pcm[begin:end], len(pcm))
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(pcm))
        assert (windows[:, ::97] == pcm[::97]).all(-1).any()
    noisy = (made["heard"] != made["pcm"]).any(-1)
    assert 0 < noisy.sum() < 32
    bounds = np.array([0.5, 0.25, 15.0])
    assert (np.abs(made["change"][:, :3]) <= bounds).all()
    assert (np.abs(made["change"][:, :3]).max(0) > bounds / 2).all()


def test_crops_are_heard_through_codecs_where_that_is_asked_for(plain: Preset) -> None:
    phase, data = Phase("content", steps=1, codes=8, batch=16), recorded(plain, hiss(1))

    def changed(codecs: float) -> np.ndarray:
        content = Content(codecs=codecs, noise_snr_db=90)
        made = batch(data, replace(plain, train=replace(plain.train, content=content)), phase, _rng())
        return np.abs(made["heard"].astype(int) - made["pcm"]).max(-1) > 100

    assert changed(1.0).all()
    assert 0 < changed(0.5).sum() < 16
    assert not changed(0.0).any()


def test_noise_for_the_latents_is_as_strong_as_the_phase_says(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=32, latent_noise=0.3)
    data = replace(recorded(plain, hiss(1), hiss(0.1, seed=1)), gender=np.array([1, 2], np.int32))
    noise = batch(data, plain, phase, _rng())["latent_noise"]
    assert noise.shape == (32, 8, plain.codebook.dim)
    assert noise.std() == pytest.approx(0.3, rel=0.1)
    assert "latent_noise" not in batch(data, plain, replace(phase, latent_noise=0.0), _rng())


def test_a_frozen_content_batch_has_codes_and_units_where_the_sound_is(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=8, freeze=True)
    data = recorded(plain, hiss(1), hiss(0.1, seed=1))
    codes = np.arange(data.code_bounds(plain.stride)[-1], dtype=np.int32)
    units = 1 + np.arange(data.code_bounds(2)[-1], dtype=np.int32)
    made = batch(replace(data, codes=codes, units=units), plain, phase, _rng())
    assert made.keys() == {"speaker", "pcm", "gender", "codes", "units"}
    for row in range(8):
        inside = made["units"][row] > 0
        first = made["codes"][row][0] * plain.stride // 2 + 1
        np.testing.assert_array_equal(made["units"][row][inside], first + np.arange(inside.sum()))
        assert inside.all() == (data.speaker[np.searchsorted(data.code_bounds(2), first - 1, "right") - 1] == 0)


def test_some_crops_of_frozen_codes_are_heard_otherwise_and_only_in_training(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=32, freeze=True, changed=0.5)
    preset = replace(plain, train=replace(plain.train, content=Content(pitch=0.5, noise_snr_db=0)))
    data = recorded(preset, hiss(1))
    data = replace(data, codes=np.zeros(data.code_bounds(preset.stride)[-1], np.int32))
    made = batch(data, preset, phase, _rng())
    assert made.keys() == {"speaker", "pcm", "gender", "codes", "heard", "change", "changed"}
    assert 4 < made["changed"].sum() < 28
    assert (made["heard"] != made["pcm"]).any()
    assert np.abs(made["change"][:, 0]).max() > 0.25
    assert "heard" not in batch(data, preset, phase, _rng(), augment=False)
    assert "heard" not in batch(data, preset, replace(phase, changed=0.0), _rng())


def test_pages_hold_the_sound_of_their_words(plain: Preset) -> None:
    content = Phase("content", steps=1, codes=8, batch=2, spelled=3)
    data = recorded(plain, hiss(4), hiss(3, seed=1), hiss(2, seed=2))
    data = replace(data, texts=[[ZERO, 7, ZERO + 200], [ZERO, 8, ZERO + 150], []])
    made = batch(data, plain, content, _rng(), augment=False)
    assert "page_change" not in made
    seen = set()
    for page, tokens, end in zip(made["page"], made["tokens"], made["page_frames"], strict=True):
        sound, frame = page[plain.samples_before :], 0
        for word, time in itertools.pairwise(tokens[len(PROMPT) :]):
            if word >= ZERO:
                continue
            if word == END:
                break
            u = word - 7
            length = len(data.pcm[data.samples[u] : data.samples[u + 1]]) // 320 * 320
            begin = frame * plain.front_end.hop
            np.testing.assert_array_equal(sound[begin : begin + length], data.pcm[data.samples[u] :][:length])
            frame += length // plain.front_end.hop
            assert time == ZERO + frame // TICK
            seen.add(u)
        assert frame == end > 0
        assert not sound[frame * plain.front_end.hop :].any()
        assert not page[: plain.samples_before].any()
    assert seen == {0, 1}


SPEEDS = {round(1 + share, 2) for share in (-0.1, 0, 0.1)}


def test_units_and_words_stay_with_the_sound_at_any_speed(plain: Preset) -> None:
    """Sound whose level says which 20 ms it is."""
    levels = np.repeat(np.arange(1, 301), 320) / 1000
    data = recorded(plain, levels)
    # A pause every four codes says which code it is, as far as that.
    speaks = (np.arange(300 * 2 // plain.stride) % 4 > 0).astype(np.int8)
    data = replace(data, units=np.arange(1, 301, dtype=np.int32), texts=[[ZERO, 7, ZERO + 300]], speaks=speaks)
    fast = replace(plain, train=replace(plain.train, content=Content(units=300, speed=0.1)))
    phase = Phase("content", steps=1, codes=40, batch=32, spelled=4)
    made = batch(data, fast, phase, _rng())
    found = set()
    for pcm, units in zip(made["pcm"], made["units"], strict=True):
        sound = pcm[plain.samples_before :][: len(units) * 320].reshape(len(units), 320)[:, 160] / 32.767
        known = units > 0
        assert np.abs(sound - units)[known][1:-2].max() < 1.1
        found.add(round((units[known][-1] - units[known][0]) / (known.sum() - 1), 1))
    assert found == SPEEDS
    assert plain.stride == 2
    np.testing.assert_array_equal(made["speaks"], (made["units"] - 1) % 4 > 0)
    for tokens, end in zip(made["tokens"], made["page_frames"], strict=True):
        times = [int(t) - ZERO for t in tokens if t >= ZERO]
        assert times[-1] * TICK == pytest.approx(end, abs=TICK)
        assert round(600 * (len(times) // 2) / end, 2) in SPEEDS
    # Codes that are there already have the speed that they were made at.
    frozen = batch(replace(data, codes=np.zeros(300, np.int32)), fast, replace(phase, freeze=True), _rng())
    assert {len(np.unique(row)) for row in frozen["units"]} == {frozen["units"].shape[1]}


def test_pages_are_heard_in_other_voices_while_they_teach(plain: Preset) -> None:
    content = Phase("content", steps=1, codes=8, batch=2, spelled=2)
    data = replace(recorded(plain, hiss(4)), texts=[[ZERO, 7, ZERO + 200]])
    moved = replace(plain, train=replace(plain.train, content=Content(pitch=0.4)))
    made = batch(data, moved, content, _rng())
    assert made["page_change"].shape == (2, made["change"].shape[1])
    assert (made["page_change"] != 0).any()
    assert "page" not in batch(data, plain, replace(content, spelled=0), _rng())


def test_bands_are_withheld_only_where_codes_learn(plain: Preset) -> None:
    phase, data = Phase("content", steps=1, codes=8, batch=16), recorded(plain, hiss(1))
    asked = replace(plain, train=replace(plain.train, content=Content(masked_mels=4)))
    assert batch(data, asked, phase, _rng())["mask"].shape == (16, plain.front_end.mels)
    assert "mask" not in batch(data, asked, phase, _rng(), augment=False)
    assert "mask" not in batch(data, plain, phase, _rng())
    settling = replace(phase, freeze=True, changed=0.5)
    codes = replace(data, codes=np.zeros(data.code_bounds(plain.stride)[-1], np.int32))
    assert "mask" not in batch(codes, asked, settling, _rng())
