"""Everything that the audit compares, from plain speech to a release in a new voice each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgy_tf.errors import EdgyError
from evaluation.systems.base import Codes, Floats, Pcm, Processed, System, process_corpus
from evaluation.systems.baselines import OPUS_BITS, Codec2, McAdams, Opus, Raw
from evaluation.systems.release import VOCODERS, Edgy

__all__ = [
    "OPUS_BITS",
    "SYSTEMS",
    "Codes",
    "Floats",
    "Pcm",
    "Processed",
    "System",
    "open_systems",
    "process_corpus",
]

OURS = ("edgy", *VOCODERS)
"""What a release of ours is as a system: as it speaks by itself, or as the name says."""
SYSTEMS = ("raw", "mcadams", "opus", "codec2", *OURS)
"""What `open_systems` can open."""


def open_systems(names: Iterable[str], release: str = "pi", variant: str = "int8", seed: int = 0) -> list[System]:
    """Open systems by name, in the order of the names.

    Args:
        names: ``raw``, speech as it is; ``mcadams``, the baseline B2 of the VoicePrivacy challenges, its coefficient
            drawn for each utterance; ``opus`` and ``codec2``, codecs at their lowest rates, which hide nothing;
            ``edgy``, a release heard in an anonymous voice, drawn for each utterance; ``edgy-wavernn`` and
            ``edgy-mel``, the same by its WaveRNN and by Griffin and Lim's algorithm, whichever it prefers;
            ``edgy-codes``, its codes alone.
        release: an installed release, or a folder that ``edgy export`` wrote.
        variant: its encoder.
        seed: of everything that is drawn.

    Raises:
        EdgyError: no such system, release or variant, or a file of the release was changed.
        MissingDependencyError: a codec is not installed.
    """
    makers: dict[str, Callable[[], System]] = {
        "raw": Raw,
        "mcadams": lambda: McAdams(seed),
        "opus": Opus,
        "codec2": Codec2,
    }
    names = list(names)
    if unknown := [name for name in names if name not in SYSTEMS]:
        raise EdgyError(f"no system '{unknown[0]}'; choose from {', '.join(SYSTEMS)}")
    return [Edgy(name, release, variant, seed) if name in OURS else makers[name]() for name in names]
