import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgy_tf.models.mulaw import mulaw_decode, mulaw_encode

BITS = st.integers(2, 12)


@pytest.mark.parametrize("bits", range(2, 13))
def test_every_class_survives_the_round_trip(bits: int) -> None:
    classes = np.arange(2**bits)
    np.testing.assert_array_equal(mulaw_encode(mulaw_decode(classes, bits), bits), classes)


@given(bits=BITS, sample=st.floats(-1, 1))
def test_a_sample_comes_back_as_the_nearest_level_of_the_curve(bits: int, sample: float) -> None:
    mu = 2**bits - 1
    squeeze = lambda x: np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)  # noqa: E731
    back = mulaw_decode(mulaw_encode(sample, bits), bits)
    # Half a class, on the curve that spreads the classes evenly.
    assert abs(squeeze(float(back)) - squeeze(sample)) <= 1 / mu + 1e-6


@given(bits=BITS, samples=st.lists(st.floats(-1, 1), min_size=2))
def test_louder_never_gets_a_lower_class(bits: int, samples: list[float]) -> None:
    assert (np.diff(mulaw_encode(sorted(samples), bits)) >= 0).all()


@pytest.mark.parametrize("bits", [8, 10])
def test_levels_rise_from_minus_one_to_one(bits: int) -> None:
    levels = mulaw_decode(np.arange(2**bits), bits)
    assert (levels[0], levels[-1]) == (-1, 1)
    assert (np.diff(levels) > 0).all()


@given(bits=BITS, sample=st.floats(1, 1e6))
def test_too_loud_is_clipped(bits: int, sample: float) -> None:
    assert mulaw_encode([sample, -sample], bits).tolist() == [2**bits - 1, 0]


def test_shape_and_type() -> None:
    classes = mulaw_encode(np.zeros((2, 3)), 8)
    assert (classes.shape, classes.dtype) == ((2, 3), np.int32)
    assert mulaw_decode(classes, 8).dtype == np.float32
