"""Instructions of every variant on an emulated Raspberry Pi 4; what is counted is not counted again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from edgy_tf import __version__
from edgy_tf.weights import atomic_file
from evaluation.userland.devices import UserlandError
from evaluation.userland.instructions import A72, emulated, per_second
from evaluation.userland.run import Userland


def instructions(paths: Mapping[str, Path], cache: Path) -> tuple[dict[str, int], str]:
    """Instructions for a second of audio, by variant.

    Args:
        paths: files by variant.
        cache: folder that keeps every count.

    Returns:
        the counts, and how they were counted; or none, and why not.
    """
    kept = {variant: cache / f"{_key(path)}.json" for variant, path in paths.items()}
    try:
        userland = Userland.open(*A72)
        if not all(file.exists() for file in kept.values()):
            userland = emulated(*A72)
        for variant, file in kept.items():
            if not file.exists():
                count = per_second(userland, paths[variant])
                file.parent.mkdir(parents=True, exist_ok=True)
                with atomic_file(file) as out:
                    out.write(json.dumps(count).encode())
    except UserlandError as error:
        return {}, f"Instructions were not counted: {error}."
    found = {variant: int(json.loads(file.read_text("utf-8"))) for variant, file in kept.items()}
    return found, f"Instructions: of PCM to codes by {A72[1]} on one thread of an emulated {userland.device.cpu}."


def _key(path: Path) -> str:
    return hashlib.sha256(" ".join((__version__, *A72)).encode() + path.read_bytes()).hexdigest()
