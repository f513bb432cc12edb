"""Where NNCF's environment is; needs the standard library alone."""

from __future__ import annotations

import os
from pathlib import Path

from edgy_tf.errors import MissingDependencyError

SOURCE = Path(__file__).parents[2]
VARIABLE = "EDGY_NNCF"
"""Names the folder of the environment, where it is another than that of `make nncf-env`."""


def interpreter() -> Path:
    """Python of NNCF's environment.

    Raises:
        MissingDependencyError: it has not been made.
    """
    python = Path(os.environ.get(VARIABLE, SOURCE / "out" / "nncf")) / "bin" / "python"
    if not python.exists():
        raise MissingDependencyError("NNCF is not installed; run: make nncf-env")
    return python
