import numpy as np

from evaluation.features import Codes
from evaluation.networks import FRAMES, attack_frames, attack_sequences, mel_frames


def test_the_network_hears_the_order_of_codes() -> None:
    rng = np.random.default_rng(0)

    def speech(rising: bool) -> Codes:
        codes = np.arange(rng.integers(10, 40)) * (1 if rising else -1)
        return ((codes + rng.integers(8)) % 8 * 3).astype(np.int32)

    y = np.arange(160) % 2
    codes = [speech(bool(label)) for label in y]
    strange = [np.array([999], np.int32), np.zeros(0, np.int32), np.zeros(2000, np.int32)]
    answers = attack_sequences(codes[:120], y[:120], codes[120:] + strange)
    assert answers.shape == (43,)
    assert np.mean(answers[:40] == y[120:]) > 0.9
    np.testing.assert_array_equal(attack_sequences(codes[:120], y[:120], codes[120:] + strange), answers)


def test_frames_are_cut_and_filled_and_know_no_level() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal(80000)).astype(np.float32)
    long, half, quiet, nothing = mel_frames([noise, noise[:32000], noise / 2, noise[:0]])
    assert long.shape == (FRAMES, 80)
    assert np.abs(long.mean(0)).max() < 1e-4
    np.testing.assert_allclose(long.std(0), 1, atol=0.1)
    np.testing.assert_allclose(quiet, long, atol=0.02)
    assert half[: FRAMES // 2].all()
    assert not half[FRAMES // 2 :].any()
    assert not nothing.any()
    assert mel_frames([]).shape == (0, FRAMES, 80)


def test_the_network_hears_what_moves_over_time() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(160) % 2
    # Both classes have the same mean and deviation in each band; only the order of the frames tells them.
    ramp = np.linspace(-1, 1, 25)[None, :, None] * np.where(y, 1, -1)[:, None, None]
    frames = (ramp + 0.3 * rng.standard_normal((160, 25, 80))).astype(np.float32)
    [answers, again] = attack_frames(frames[:120], y[:120], frames[120:], frames[120:])
    assert np.mean(answers == y[120:]) > 0.9
    np.testing.assert_array_equal(answers, again)
