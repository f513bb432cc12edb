"""A folder with ``manifest.tsv``: the layout for one's own recordings.

The format is documented in ``docs/corpora.md``: tab-separated, unquoted, UTF-8, one header line.
"""

import math
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from edgy_tf.corpora.base import GENDERS, SPLITS, Corpus, Utterance
from edgy_tf.errors import CorpusError

LAYOUT = "a folder with manifest.tsv (columns path, speaker, split, ...)"
_REQUIRED = ("path", "speaker", "split")
_TEXTS = ("emotion", "transcript", "language", "licence")


def recognises(folder: Path) -> bool:
    """Whether the folder has a ``manifest.tsv``."""
    return (folder / "manifest.tsv").is_file()


def read(folder: Path) -> Corpus:
    """Read the manifest; the sound files themselves are not opened.

    Raises:
        CorpusError: naming the line: a required column or value is missing, a value is of the wrong kind, a
            path leaves the folder or comes twice, or a speaker is in two splits.
    """
    file = folder / "manifest.tsv"
    try:
        # Not splitlines(): a transcript may hold one of the rarer line separators.
        lines = file.read_text("utf-8-sig").split("\n")
    except (UnicodeDecodeError, OSError) as error:
        raise CorpusError(f"{file}: cannot be read ({error}); save it as UTF-8") from error
    columns = lines[0].split("\t")
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise CorpusError(f"{file}: line 1: has no column {', '.join(missing)}; add it to the header")
    utterances: dict[Path, Utterance] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        try:
            fields = line.split("\t")
            if len(fields) != len(columns):
                raise ValueError(f"has {len(fields)} columns and the header {len(columns)}; make them equal")
            utterance = _utterance(folder, dict(zip(columns, fields, strict=True)))
            if utterance.path in utterances:
                raise ValueError(f"{utterance.path.name} is listed twice; remove one")
        except ValueError as error:
            raise CorpusError(f"{file}: line {number}: {error}") from error
        utterances[utterance.path] = utterance
    return Corpus(list(utterances.values()))


def _utterance(folder: Path, row: dict[str, str]) -> Utterance:
    """One row, keyed by column; ValueError says what is wrong with it."""
    for name in _REQUIRED:
        if not row[name]:
            raise ValueError(f"{name} is empty; fill it in")
    if row["split"] not in SPLITS:
        raise ValueError(f"split is {row['split']!r}; use one of {', '.join(SPLITS)}")
    gender = row.get("gender") or None
    if gender is not None and gender not in GENDERS:
        raise ValueError(f"gender is {gender!r}; use F, M or nothing")
    age = _number(row, "age")
    texts: dict[str, Any] = {name: row.get(name) or None for name in _TEXTS}
    return Utterance(
        path=folder / _inside(row["path"]),
        speaker=row["speaker"],
        source=row.get("source") or folder.resolve().name,
        split=row["split"],
        gender=gender,
        age=None if age is None else int(age),
        seconds=_number(row, "seconds"),
        **texts,
    )


def _inside(path: str) -> PurePosixPath:
    """The path, unless on some system it would lead out of the folder it is joined to."""
    for kind in (PurePosixPath, PureWindowsPath):
        parsed = kind(path)
        if parsed.anchor or ".." in parsed.parts:
            raise ValueError(f"path {path!r} leaves the folder; give a path below it")
    return PurePosixPath(path)


def _number(row: dict[str, str], name: str) -> float | None:
    text = row.get(name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} is {text!r}; give a number or nothing")
    return value
