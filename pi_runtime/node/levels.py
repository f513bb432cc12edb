"""Privacy levels: what the cloud may do with a stream. Chosen by the user, obeyed from the next utterance on."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgy_tf import levels
from edgy_tf.errors import SettingsError, StorageError

KINDS = tuple(kind.value for kind in levels.Level)
"""What a level may be, from the most private on."""


@dataclass(frozen=True)
class Level:
    """A privacy level.

    Attributes:
        kind: one of ``KINDS``.
        voice: the name of a pseudonym, 1 to 64 letters, digits, ``-`` or ``_``; empty for the other kinds.
    """

    kind: str
    voice: str = ""

    @classmethod
    def parse(cls, text: str) -> Level:
        """A level as a person writes it: ``text``, ``anonymous``, ``pseudonym:NAME`` or ``identity``.

        Raises:
            SettingsError: none of these.
        """
        kind, _, voice = text.partition(":")
        wants_name = kind == "pseudonym"
        if kind not in KINDS or wants_name != bool(re.fullmatch("[A-Za-z0-9_-]{1,64}", voice)) or text.endswith(":"):
            raise SettingsError(
                f"no privacy level {text!r}; "
                "choose text, anonymous, pseudonym:NAME (letters, digits, - and _) or identity"
            )
        return cls(kind, voice)

    def __str__(self) -> str:
        return f"{self.kind}:{self.voice}" if self.voice else self.kind


class ChosenLevel:
    """The level in force: that of the settings, until the user chooses another at run time.

    A choice is kept in a file, so that it outlives a restart and all processes of a node obey it; it ends when the
    level in the settings changes, so that whoever edits the settings gets what they say.

    Args:
        path: of the file.
        configured: level of the settings.
        check: raises ``SettingsError`` for a level that the settings forbid.
    """

    def __init__(self, path: Path, configured: Level, check: Callable[[Level], None]) -> None:
        check(configured)
        self._path, self._configured, self._check = path, configured, check

    def current(self) -> Level:
        """The level of an utterance that begins now; where the choice cannot be read, the most private: ``text``."""
        try:
            choice = json.loads(self._path.read_text("utf-8"))
            if choice["instead_of"] != str(self._configured):
                return self._configured
            level = Level.parse(choice["level"])
            self._check(level)
            return level
        except FileNotFoundError:
            return self._configured
        except (OSError, ValueError, TypeError, KeyError, AttributeError, SettingsError):
            return Level("text")

    def choose(self, level: Level) -> None:
        """Obey ``level`` from the next utterance on.

        Raises:
            SettingsError: the settings forbid it.
            StorageError: the choice cannot be written.
        """
        self._check(level)
        choice = json.dumps({"level": str(level), "instead_of": str(self._configured)})
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_text(choice, "utf-8")
            os.replace(temporary, self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StorageError(f"cannot write {self._path}: {error.strerror}; try with sudo") from error
