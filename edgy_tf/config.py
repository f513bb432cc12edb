"""Config files into dataclasses: every key checked, every complaint one line that names it."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from edgy_tf.errors import PresetError


def names_in(folder: Any) -> list[str]:
    """Names of the config files that ship in a folder of a package (``importlib.resources.files``), sorted."""
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".toml"))


def read_named(name: str, folder: Any, kind: str) -> tuple[dict[str, Any], str]:
    """A config file by its name in ``folder``, or any other ``.toml`` file, and what to call it in messages.

    Raises:
        PresetError: there is no such ``kind`` of file, it cannot be read, or it is not TOML.
    """
    known = names_in(folder)
    if name.endswith(".toml"):
        try:
            text, origin = Path(name).read_text("utf-8"), name
        except (OSError, UnicodeDecodeError) as error:
            raise PresetError(f"cannot read {kind} file {name}: {error}") from error
    elif name in known:
        text, origin = (folder / f"{name}.toml").read_text("utf-8"), f"{kind} {name}"
    else:
        raise PresetError(f"no {kind} '{name}'; choose one of {', '.join(known)} or name a .toml file")
    try:
        return tomllib.loads(text), origin
    except tomllib.TOMLDecodeError as error:
        raise PresetError(f"{origin} is not valid TOML: {error}") from error


def build(kind: Any, value: Any, where: str) -> Any:
    """Convert ``value``, as TOML or JSON give it, into ``kind``.

    Args:
        kind: a dataclass, ``tuple[item, ...]``, or a plain type; integers pass for floats.
        value: tables as dicts, lists, plain values.
        where: name of the value in messages.

    Raises:
        PresetError: a key that is missing or unknown, or a value of the wrong type.
    """
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise PresetError(f"{where} must be a table")
        hints = typing.get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        for key in value:
            if key not in fields:
                raise PresetError(f"{where} has an unknown key '{key}'; it knows {', '.join(fields)}")
        missing = [n for n, f in fields.items() if n not in value and f.default is dataclasses.MISSING]
        if missing:
            raise PresetError(f"{where} lacks {', '.join(missing)}")
        return kind(**{k: build(hints[k], v, f"{where}.{k}") for k, v in value.items()})  # type: ignore[operator]
    if isinstance(kind, types.GenericAlias):
        if not isinstance(value, list | tuple):
            raise PresetError(f"{where} must be a list")
        return tuple(build(typing.get_args(kind)[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise PresetError(f"{where} must be {kind.__name__}, not {value!r}")
    if kind is float and not math.isfinite(value):
        raise PresetError(f"{where} must be a finite number, not {value!r}")
    return value
