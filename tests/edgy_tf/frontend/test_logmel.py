import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.frontend import LogMel, encoder_input, log_mel, mel_filters
from edgy_tf.preset import FrontEnd, load_preset, preset_names

PI = load_preset("pi").front_end

SEEDS = st.integers(0, 2**32 - 1)


def _voice(seed: int, samples: int) -> np.ndarray:
    """Noise whose loudness wanders over the whole range of the features, silence included."""
    rng = np.random.default_rng(seed)
    loudness = 10 ** np.interp(np.arange(samples), np.linspace(0, samples, 6), rng.uniform(-5, 0, 6))
    gaps = np.repeat(rng.random(-(-samples // 500)) > 0.2, 500)[:samples]
    return np.clip(rng.standard_normal(samples) * loudness * gaps, -1, 1).astype(np.float32)


def _in_chunks(audio: np.ndarray, sizes: list[int], front_end: FrontEnd) -> np.ndarray:
    stream = LogMel(front_end)
    parts, start = [], 0
    for size in sizes:
        parts.append(stream.process(audio[start : start + size]))
        start += size
    return np.concatenate([*parts, stream.process(audio[start:]), stream.flush()])


@pytest.mark.parametrize("name", preset_names())
@given(seed=SEEDS, samples=st.integers(0, 6000), sizes=st.lists(st.integers(0, 2000), max_size=20))
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_bits(name: str, seed: int, samples: int, sizes: list[int]) -> None:
    front_end = load_preset(name).front_end
    audio = _voice(seed, samples)
    np.testing.assert_array_equal(_in_chunks(audio, sizes, front_end), log_mel(audio, front_end))


def test_sample_by_sample_gives_the_same_bits() -> None:
    audio = _voice(1, 3001)
    np.testing.assert_array_equal(_in_chunks(audio, [1] * 3001, PI), log_mel(audio, PI))


@given(samples=st.integers(0, 3000))
@settings(max_examples=50, deadline=None)
def test_there_is_a_frame_for_every_hop_begun(samples: int) -> None:
    assert log_mel(_voice(0, samples), PI).shape == (-(-samples // PI.hop), PI.mels)


@given(seed=SEEDS, samples=st.integers(1, 3000))
@settings(max_examples=25, deadline=None)
def test_a_frame_comes_as_soon_as_its_last_sample(seed: int, samples: int) -> None:
    # Frame t is centred on hop t: it ends half of (window - hop) after it.
    ends = np.arange(-(-samples // PI.hop)) * PI.hop + (PI.window + PI.hop) // 2
    assert len(LogMel(PI).process(_voice(seed, samples))) == np.sum(ends <= samples)


@pytest.mark.parametrize("name", preset_names())
def test_the_filters_are_librosas(name: str) -> None:
    import librosa

    fe = load_preset(name).front_end
    theirs = librosa.filters.mel(
        sr=fe.sample_rate, n_fft=fe.n_fft, n_mels=fe.mels, fmin=fe.fmin, fmax=fe.fmax, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filters(fe), theirs, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", preset_names())
def test_the_features_are_librosas_to_a_ten_thousandth_of_a_decibel(name: str) -> None:
    import librosa

    fe = load_preset(name).front_end
    audio = _voice(2, 16000)
    emphasised = audio - fe.preemphasis * np.concatenate([[0], audio[:-1]])
    # librosa centres the window in n_fft samples, and we centre it on the hop.
    before = (fe.n_fft - fe.hop) // 2
    # The pre-emphasis of the silence that follows remembers the last sample.
    after = np.concatenate([[-fe.preemphasis * audio[-1]], np.zeros(fe.n_fft)])
    theirs = librosa.feature.melspectrogram(
        y=np.concatenate([np.zeros(before), emphasised, after]),
        sr=fe.sample_rate,
        n_fft=fe.n_fft,
        hop_length=fe.hop,
        win_length=fe.window,
        window="hann",
        center=False,
        power=1,
        n_mels=fe.mels,
        fmin=fe.fmin,
        fmax=fe.fmax,
    ).T
    decibels = 20 * np.log10(np.maximum(theirs, 1e-10)) + fe.gain_db
    expected = np.maximum(decibels / -fe.floor_db + 1, 0)
    ours = log_mel(audio, fe)
    assert ours.min() == 0
    assert ours.max() > 0.8
    # 1.5e-6 of a feature is 1e-4 dB, for a floor of -70 dB.
    assert np.abs(ours - expected[: len(ours)]).max() < 1e-4 / -fe.floor_db


def test_silence_and_the_lowest_bits_are_exactly_zero() -> None:
    assert not log_mel(np.zeros(16000), PI).any()
    assert not log_mel(np.full(16000, 1e-6), PI).any()


def test_full_scale_is_near_one() -> None:
    square = np.sign(np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000))
    assert 1 < log_mel(square, PI).max() < 1.5


@given(factor=st.floats(1e-3, 0.5))
@settings(max_examples=20, deadline=None)
def test_loudness_is_a_shift_and_depends_on_nothing_else(factor: float) -> None:
    loud = log_mel(_voice(3, 4000), PI)
    soft = log_mel(_voice(3, 4000) * np.float32(factor), PI)
    shifted = np.maximum(loud + 20 * np.log10(np.float32(factor)) / -PI.floor_db, 0)
    # Where the loud one is cut at the floor, nothing is known of what lies below.
    np.testing.assert_allclose(soft[loud > 0], shifted[loud > 0], atol=1e-5)
    assert not soft[loud == 0].any()


def test_a_loud_part_changes_no_frame_before_it() -> None:
    quiet = _voice(4, 8000) * np.float32(0.01)
    followed = np.concatenate([quiet, np.float32(0.99) * np.sign(_voice(5, 8000))])
    before = (8000 - (PI.window + PI.hop) // 2) // PI.hop + 1
    np.testing.assert_array_equal(log_mel(followed, PI)[:before], log_mel(quiet, PI)[:before])


def test_flush_and_reset_start_another_stream() -> None:
    expected = log_mel(_voice(7, 2000), PI)
    stream = LogMel(PI)
    stream.process(_voice(6, 777))
    stream.flush()
    np.testing.assert_array_equal(np.concatenate([stream.process(_voice(7, 2000)), stream.flush()]), expected)
    stream.process(_voice(6, 777))
    stream.reset()
    np.testing.assert_array_equal(np.concatenate([stream.process(_voice(7, 2000)), stream.flush()]), expected)
    assert stream.flush().shape == (0, PI.mels)


def test_a_stream_keeps_no_hold_of_what_it_took_or_gave() -> None:
    buffer, stream = _voice(8, 2000), LogMel(PI)
    first = stream.process(buffer)
    given, kept = buffer.copy(), first.copy()
    buffer[:] = 0.5
    rest = [stream.process(_voice(9, 1000)), stream.flush()]
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(np.concatenate([first, *rest]), log_mel(np.concatenate([given, _voice(9, 1000)]), PI))


@pytest.mark.parametrize("name", preset_names())
@given(samples=st.integers(0, 3000))
@settings(max_examples=10, deadline=None)
def test_the_encoder_hears_silence_around_a_recording(name: str, samples: int) -> None:
    preset = load_preset(name)
    audio = _voice(10, samples)
    heard = encoder_input(audio, preset)
    codes = preset.codes_for(samples)
    assert len(heard) == (preset.frames_for(codes) if codes else 0)
    frames = log_mel(audio, preset.front_end)
    inside = slice(preset.history, preset.history + len(frames))
    np.testing.assert_array_equal(heard[inside], frames)
    # A window reaches past the hop it is centred on, so the frames next to the recording hear some of it.
    reach = -(-preset.front_end.window // (2 * preset.front_end.hop))
    assert not heard[: max(0, preset.history - reach)].any()
    assert not heard[preset.history + len(frames) + reach :].any()
