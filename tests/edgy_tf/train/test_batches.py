import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgy_tf.frontend import log_mel
from edgy_tf.models.another_voice import GAIN
from edgy_tf.models.mulaw import mulaw_encode
from edgy_tf.preset import Preset
from edgy_tf.preset_training import Content, Phase
from edgy_tf.train.batches import batch, batches, changed, heard_as, masks
from edgy_tf.train.prepared import Prepared
from edgy_tf.whisper_base import END, PROMPT, TICK, ZERO

MEL = Phase("mel", steps=1, codes=8, batch=16)
WAVE = Phase("wave", steps=1, codes=8, wave_codes=3, batch=16)


def _prepared(preset: Preset, *recordings: np.ndarray) -> Prepared:
    """What ``prepare`` makes of recordings, one speaker each."""
    pcm = [np.rint(audio * 32767).astype(np.int16) for audio in recordings]
    mel = [log_mel(p / np.float32(32768), preset.front_end).astype(np.float16) for p in pcm]
    return Prepared(
        pcm=np.concatenate(pcm),
        mel=np.concatenate(mel),
        samples=np.cumsum([0, *map(len, pcm)]),
        frames=np.cumsum([0, *map(len, mel)]),
        speaker=np.arange(len(pcm)),
        speakers=[f"s{i}" for i in range(len(pcm))],
        gender=np.zeros(len(pcm), np.int32),
        transcripts=[None] * len(pcm),
    )


def _noise(seconds: float, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(int(16000 * seconds)).clip(-3, 3)


@pytest.fixture(scope="module")
def plain(tiny: Preset) -> Preset:
    """The tiny preset, its crops neither jittered nor made louder."""
    return replace(tiny, train=replace(tiny.train, jitter=0.0, gain_db=0.0))


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _equal(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)


def test_a_batch_follows_from_seed_and_number(tiny: Preset) -> None:
    data = _prepared(tiny, _noise(1), _noise(2, seed=1))
    whole = [b for (b,) in itertools.islice(batches(data, tiny, WAVE, seed=3), 6)]
    later = [b for (b,) in itertools.islice(batches(data, tiny, WAVE, seed=3, first=4), 2)]
    other = next(batches(data, tiny, WAVE, seed=4))[0]
    assert _equal(whole[4], later[0])
    assert _equal(whole[5], later[1])
    assert not any(_equal(a, b) for a, b in itertools.combinations([*whole, other], 2))


def test_shapes_are_what_the_network_takes(tiny: Preset) -> None:
    made = batch(_prepared(tiny, _noise(1)), tiny, WAVE, _rng())
    frames, span = tiny.frames_for(WAVE.codes), tiny.decoder.bunch + WAVE.wave_codes * tiny.samples_per_code
    shapes = {name: (value.shape, value.dtype) for name, value in made.items()}
    assert shapes == {
        "mel": ((16, frames, tiny.front_end.mels), np.float32),
        "target": ((16, WAVE.codes * tiny.stride, tiny.front_end.mels), np.float32),
        "wave": ((16, span), np.int32),
        "speaker": ((16,), np.int32),
        "jitter": ((16, WAVE.codes), np.int32),
    }
    assert "wave" not in batch(_prepared(tiny, _noise(1)), tiny, MEL, _rng())


def test_a_crop_is_a_stretch_of_an_utterance_with_silence_around_it(plain: Preset) -> None:
    data = _prepared(plain, _noise(0.5), _noise(0.4, seed=1))
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
    data = _prepared(plain, _noise(0.03))
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
    audio = _noise(0.16)
    data = _prepared(plain, audio)
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
    made = batch(_prepared(plain, _noise(0.16)), plain, phase, _rng())
    bunch = plain.decoder.bunch
    assert (made["wave"][:, :bunch] == mulaw_encode(0, plain.decoder.bits)).all()
    assert made["wave"][:, bunch : bunch + 20].std() > 0


@pytest.mark.parametrize("onset", [4000, 6543, 9600])
def test_target_and_wave_hear_an_onset_at_the_same_time(plain: Preset, onset: int) -> None:
    t = np.arange(16000)
    tone = 0.5 * np.sin(2 * np.pi * 1000 / 16000 * (t - onset)) * (t >= onset)
    made = batch(_prepared(plain, tone), plain, replace(WAVE, batch=256), _rng())
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
    data = _prepared(tiny, _noise(1))
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
    data = _prepared(tiny, _noise(1))
    jittered = replace(tiny, train=replace(tiny.train, jitter=0.3))
    moved = batch(data, jittered, replace(MEL, batch=256), _rng())["jitter"] - np.arange(MEL.codes)
    assert set(np.unique(moved)) == {-1, 0, 1}
    inner = moved[:, 1:-1] != 0
    assert inner.mean() == pytest.approx(0.3, abs=0.05)
    # Nobody is replaced by one that is not there.
    assert moved[:, 0].min() == 0
    assert moved[:, -1].max() == 0


def test_speakers_have_a_row_each_and_row_0_is_nobodys(plain: Preset) -> None:
    data = _prepared(plain, _noise(0.5), _noise(0.5, seed=1))
    speaker = batch(data, plain, replace(MEL, batch=512), _rng())["speaker"]
    assert set(speaker) == {0, 1, 2}
    assert np.mean(speaker == 0) == pytest.approx(0.1, abs=0.05)
    # Held-out speakers have no row.
    assert not batch(data, plain, MEL, _rng(), augment=False)["speaker"].any()


def test_longer_utterances_are_drawn_more_often(plain: Preset) -> None:
    data = _prepared(plain, _noise(3), _noise(1, seed=1))
    speaker = batch(data, plain, replace(MEL, batch=512), _rng())["speaker"]
    assert np.sum(speaker == 1) / np.sum(speaker == 2) == pytest.approx(3, rel=0.3)


def test_a_content_batch_has_the_sound_that_its_codes_depend_on(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=32)
    content = Content(pitch=0.5, formants=0.25, equaliser_db=6, noise_snr_db=0)
    preset = replace(plain, train=replace(plain.train, gain_db=15.0, content=content))
    data = replace(_prepared(preset, _noise(1), _noise(0.1, seed=1)), gender=np.array([1, 2], np.int32))
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
    phase, data = Phase("content", steps=1, codes=8, batch=16), _prepared(plain, _noise(1))

    def changed(codecs: float) -> np.ndarray:
        content = Content(codecs=codecs, noise_snr_db=90)
        made = batch(data, replace(plain, train=replace(plain.train, content=content)), phase, _rng())
        return np.abs(made["heard"].astype(int) - made["pcm"]).max(-1) > 100

    assert changed(1.0).all()
    assert 0 < changed(0.5).sum() < 16
    assert not changed(0.0).any()


def test_masks_withhold_two_bands_that_are_no_wider_than_asked_for(plain: Preset) -> None:
    bands = masks(500, mels=20, most=5, rng=_rng())
    assert bands.shape == (500, 20)
    assert set(np.unique(bands)) == {0, 1}
    withheld = 20 - bands.sum(1)
    assert withheld.max() == 10
    assert withheld.min() == 0
    # Every mel is withheld at times, and what is withheld lies in two places at most.
    assert (bands.mean(0) < 1).all()
    begins = (np.diff(bands, axis=1, prepend=1) == -1).sum(1)
    assert begins.max() == 2
    phase, data = Phase("content", steps=1, codes=8, batch=16), _prepared(plain, _noise(1))
    asked = replace(plain, train=replace(plain.train, content=Content(masked_mels=4)))
    assert batch(data, asked, phase, _rng())["mask"].shape == (16, plain.front_end.mels)
    assert "mask" not in batch(data, asked, phase, _rng(), augment=False)
    assert "mask" not in batch(data, plain, phase, _rng())
    settling = replace(phase, freeze=True, changed=0.5)
    codes = replace(data, codes=np.zeros(data.code_bounds(plain.stride)[-1], np.int32))
    assert "mask" not in batch(codes, asked, settling, _rng())


def test_noise_for_the_latents_is_as_strong_as_the_phase_says(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=32, latent_noise=0.3)
    data = replace(_prepared(plain, _noise(1), _noise(0.1, seed=1)), gender=np.array([1, 2], np.int32))
    noise = batch(data, plain, phase, _rng())["latent_noise"]
    assert noise.shape == (32, 8, plain.codebook.dim)
    assert noise.std() == pytest.approx(0.3, rel=0.1)
    assert "latent_noise" not in batch(data, plain, replace(phase, latent_noise=0.0), _rng())


def test_a_frozen_content_batch_has_codes_and_units_where_the_sound_is(plain: Preset) -> None:
    phase = Phase("content", steps=1, codes=8, batch=8, freeze=True)
    data = _prepared(plain, _noise(1), _noise(0.1, seed=1))
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
    data = _prepared(preset, _noise(1))
    data = replace(data, codes=np.zeros(data.code_bounds(preset.stride)[-1], np.int32))
    made = batch(data, preset, phase, _rng())
    assert made.keys() == {"speaker", "pcm", "gender", "codes", "heard", "change", "changed"}
    assert 4 < made["changed"].sum() < 28
    assert (made["heard"] != made["pcm"]).any()
    assert np.abs(made["change"][:, 0]).max() > 0.25
    assert "heard" not in batch(data, preset, phase, _rng(), augment=False)
    assert "heard" not in batch(data, preset, replace(phase, changed=0.0), _rng())


def test_a_frozen_batch_has_codes_where_the_wave_is(plain: Preset) -> None:
    phase = replace(WAVE, freeze=True)
    data = _prepared(plain, _noise(1), _noise(2, seed=1))
    total = data.code_bounds(plain.stride)[-1]
    made = batch(replace(data, codes=np.arange(total, dtype=np.int32)), plain, phase, _rng())
    assert made.keys() == {"speaker", "codes", "wave"}
    np.testing.assert_array_equal(np.diff(made["codes"], axis=1), 1)
    np.testing.assert_array_equal(made["wave"], batch(data, plain, WAVE, _rng())["wave"])


def test_pages_hold_the_sound_of_their_words(plain: Preset) -> None:
    content = Phase("content", steps=1, codes=8, batch=2, spelled=3)
    data = _prepared(plain, _noise(4), _noise(3, seed=1), _noise(2, seed=2))
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
    data = _prepared(plain, levels)
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
    data = replace(_prepared(plain, _noise(4)), texts=[[ZERO, 7, ZERO + 200]])
    moved = replace(plain, train=replace(plain.train, content=Content(pitch=0.4)))
    made = batch(data, moved, content, _rng())
    assert made["page_change"].shape == (2, made["change"].shape[1])
    assert (made["page_change"] != 0).any()
    assert "page" not in batch(data, plain, replace(content, spelled=0), _rng())


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
