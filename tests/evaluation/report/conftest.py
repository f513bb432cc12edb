import pytest

from tests.evaluation.report.made_up import Row, result


@pytest.fixture
def audit() -> Row:
    """The result of a made-up audit of raw speech and ``edgy``."""
    return result()
