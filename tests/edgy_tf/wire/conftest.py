import numpy as np
import pytest

from edgy_tf.wire import Prior, StreamHeader

CODEBOOK = "0123456789abcdef"


@pytest.fixture(scope="session")
def header() -> StreamHeader:
    return StreamHeader(CODEBOOK, codebook_size=512, sample_rate=16000, samples_per_code=320)


def _peaked(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(1).geometric(0.02, shape).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def unigram() -> Prior:
    return Prior(CODEBOOK, _peaked((512,)))


@pytest.fixture(scope="session")
def bigram() -> Prior:
    counts = _peaked((512, 512)) // 16
    counts[:, ::16] += 200
    return Prior(CODEBOOK, counts)
