"""Speech in rooms that are not there."""

from __future__ import annotations

import numpy as np

from edgy_tf.train.rooms import in_rooms

RATE = 16000


def _clicks(count: int, at: int = 1000) -> np.ndarray:
    clicks = np.zeros((count, RATE), np.float32)
    clicks[:, at] = 1000
    return clicks


def test_half_of_the_sound_stays_as_it_is_and_none_comes_before_its_time() -> None:
    clicks = _clicks(200)
    heard = in_rooms(clicks, 0.5, RATE, np.random.default_rng(0))
    same = np.abs(heard - clicks).max(1) < 1e-2
    assert 70 < same.sum() < 130
    assert np.abs(heard[:, :1000]).max() < 1e-2


def test_a_room_falls_silent_in_its_time_and_is_no_louder() -> None:
    clicks = _clicks(200)
    heard = in_rooms(clicks, 0.5, RATE, np.random.default_rng(1))
    np.testing.assert_allclose(np.sum(heard**2, 1), np.sum(clicks**2, 1), rtol=1e-2)
    echoes = heard[np.abs(heard - clicks).max(1) > 1][:, 1001:]
    energy = np.sum(echoes**2, 1)
    # At the longest a hundredth of it is left after a sixth of a second, and the straight sound is never the softer.
    assert (np.sum(echoes[:, RATE // 6 :] ** 2, 1) < 0.02 * energy).all()
    assert (np.sum(echoes[:, RATE // 50 :] ** 2, 1) > 0.02 * energy).all()
    assert (energy <= 0.51 * 1000**2).all()


def test_equal_seeds_make_equal_rooms() -> None:
    sound = np.random.default_rng(2).standard_normal((8, 4000)).astype(np.float32)
    first, again = (in_rooms(sound, 0.3, RATE, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
