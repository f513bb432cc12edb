"""Gender and emotion: from processed speech to the verdict on what attackers can tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import Utterance
from edgy_tf.errors import CorpusError
from evaluation.attackers import FRAMES, Heard, measure
from evaluation.deep import deep
from evaluation.features import Floats, acoustic
from evaluation.networks import mel_frames
from evaluation.splits import Attribute, labelled
from evaluation.systems import Processed
from evaluation.verdict import Measurement

FEATURES: Mapping[str, Callable[[Sequence[npt.NDArray[Any]], Path], Floats]] = {
    "acoustic": lambda clips, cache: acoustic(clips, cache / "acoustic", total=len(clips)),
    "deep": lambda clips, cache: deep(clips, cache / "deep", total=len(clips)),
    FRAMES: lambda clips, cache: mel_frames(tqdm(clips, "frames", unit="clip")),
}
"""What attackers look at, by name: made of clips, and of a folder that keeps what was computed."""


def hear(processed: Sequence[Processed], names: Sequence[str], cache: Path) -> Heard:
    """Features and codes of processed utterances.

    Raises:
        CorpusError: there are no features of that name.
        MissingDependencyError: what a feature set needs is not installed.
    """
    if unknown := [name for name in names if name not in FEATURES]:
        raise CorpusError(f"no features '{unknown[0]}'; choose from {', '.join(FEATURES)}")
    sound = [p.audio for p in processed if p.audio is not None]
    features = {name: FEATURES[name](sound, cache) for name in names} if len(sound) == len(processed) else {}
    codes = [p.codes for p in processed if p.codes is not None]
    return Heard(features, codes if len(codes) == len(processed) else None)


def measure_attribute(
    attribute: Attribute,
    utterances: Sequence[Utterance],
    raw: Mapping[str, Floats],
    systems: Mapping[str, Heard],
    classifiers: Sequence[str],
    seed: int = 0,
) -> dict[str, Measurement]:
    """Attack an attribute in every scenario; see `evaluation.attackers.measure`, whose errors it raises.

    Args:
        attribute: ``gender`` or ``emotion``.
        utterances: all of one source; those whose attribute is unknown are left out, and those of the train split are
            learned from and not asked about.
        raw: features of them, before any system.
        systems: what is heard of them after each system.
        classifiers: names out of `evaluation.attackers.CLASSIFIERS`, and `NETWORK`.
        seed: of folds and attackers.
    """
    known = set(labelled(utterances, attribute))
    tested = [i for i, u in enumerate(utterances) if u in known and u.split != "train"]
    taught = [i for i, u in enumerate(utterances) if u in known and u.split == "train"]
    if not tested:
        raise CorpusError(f"no utterance is labelled with {attribute}; add labels")
    rows = tested + taught
    place = np.array(rows)

    def kept(heard: Heard) -> Heard:
        codes = None if heard.codes is None else [heard.codes[i] for i in rows]
        return Heard({name: x[place] for name, x in heard.features.items()}, codes)

    return measure(
        attribute,
        [str(getattr(utterances[i], attribute)) for i in rows],
        [utterances[i].speaker for i in rows],
        raw={name: x[place] for name, x in raw.items()},
        systems={name: kept(heard) for name, heard in systems.items()},
        classifiers=classifiers,
        taught=len(taught),
        seed=seed,
    )
