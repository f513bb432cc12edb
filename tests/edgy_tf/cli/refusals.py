"""What a command says when it refuses."""

import pytest

from edgy_tf.cli.main import main


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail as expected errors do; return its one line."""
    assert main([str(a) for a in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"edgy {arguments[0]}: ")
    assert "\n" not in error
    return error
