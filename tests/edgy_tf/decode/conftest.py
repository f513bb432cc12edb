"""A decoder of the tiny release."""

from pathlib import Path

import pytest

from edgy_tf.decode import Decoder


@pytest.fixture(scope="session")
def decoder(tiny_release: Path) -> Decoder:
    return Decoder.from_release(str(tiny_release))
