"""The weights of a recogniser's encoder, from an installed package or a file.

python -m edgy_tf.train.teacher FILE writes the file that ``edgy train --teacher FILE`` reads, for a machine on which
the package is not installed.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from edgy_tf.errors import MissingDependencyError
from edgy_tf.weights import Arrays, load_arrays, save_arrays
from edgy_tf.whisper_base import PACKAGES, half, whisper_arrays, whisper_base

_PREFIX = "encoder/"


def load_teacher(path: Path | None = None) -> Arrays:
    """Whisper base's encoder (MIT), each array by the name it has below ``encoder/`` in CTranslate2's format.

    Args:
        path: a file of this module's; without one, the packages of the ``asr-offline`` extra are read.

    Raises:
        MissingDependencyError: no file and no package.
        ModelError: the file is missing, or it or a package is damaged.
    """
    if path is not None:
        return load_arrays(path)[0]
    if any(find_spec(name) is None for name in PACKAGES):
        raise MissingDependencyError(
            "a content phase needs Whisper's encoder; run: pip install 'edgy-tf[asr-offline]', or give --teacher FILE"
        )
    return half(whisper_arrays(whisper_base()), _PREFIX)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Write Whisper's encoder for edgy train --teacher.")
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    save_arrays(args.file, load_teacher(), {"teacher": "whisper-base encoder, MIT"})


if __name__ == "__main__":
    main()
