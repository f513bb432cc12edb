"""Settings of the edge node: one small TOML file, every key optional.

Example::

    source = "microphone"                # or "microphone:NAME", a sound file, "-" (raw), "tcp://HOST:PORT" (Wyoming)
    sink = "wss://edgy.example.org"      # or https://..., a folder, "-"
    level = "anonymous"
    state = "/var/lib/edgy-edge"

    [gate]
    hangover_ms = 800
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgy_tf.config import build
from edgy_tf.errors import PresetError, SettingsError
from pi_runtime.node.levels import Level

SYSTEM_FILE = Path("/etc/edgy-edge.toml")
CLOUD_SCHEMES = ("wss", "ws", "https", "http")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LEAST_SPOOL = 1 << 16


@dataclass(frozen=True)
class GateSettings:
    """When speech begins and ends (`pi_runtime.node.gate`).

    Attributes:
        onset: probability of speech from which it may begin, 0 to 1.
        release: probability below which it may end; lower than ``onset``, so that a wavering voice is not cut.
        onset_ms: how long it must be speech to begin.
        hangover_ms: how long it must be none to end.
        pre_roll_ms: sound before the beginning that belongs to it.
        longest_s: an utterance longer than this is cut, in seconds; clouds take 300 s unless told otherwise.
    """

    onset: float = 0.5
    release: float = 0.3
    onset_ms: int = 60
    hangover_ms: int = 800
    pre_roll_ms: int = 300
    longest_s: int = 60


@dataclass(frozen=True)
class Settings:
    """How a node listens, encodes and sends.

    Attributes:
        source: where sound comes from (`pi_runtime.node.sources`).
        sink: where streams go: a cloud's URL, a folder, or ``-`` for standard output.
        level: privacy level, until another is chosen at run time.
        release: whose encoder runs.
        variant: of the encoder.
        state: folder of spool, ledger and run-time choices; empty for systemd's, or else the user's own.
        token_file: holds the cloud's bearer token; empty for $EDGY_TOKEN, or systemd's credential ``token``.
        voice_file: the user's own voice (``edgy enrol``), which level ``identity`` sends.
        identity_consent: the user agrees that ``voice_file``, which tells who speaks, may leave the device.
        spool_bytes: limit of what waits for the network.
        metrics_port: of Prometheus metrics on this machine alone; 0 for none.
        gate: when speech begins and ends.
    """

    source: str = "microphone"
    sink: str = "-"
    level: str = "text"
    release: str = "pi"
    variant: str = "int8"
    state: str = ""
    token_file: str = ""
    voice_file: str = ""
    identity_consent: bool = False
    spool_bytes: int = 16 << 20
    metrics_port: int = 0
    gate: GateSettings = GateSettings()

    @property
    def folder(self) -> Path:
        """Where spool, ledger and run-time choices lie."""
        home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        return Path(self.state or os.environ.get("STATE_DIRECTORY") or home / "edgy-edge")

    @property
    def cloud(self) -> bool:
        """The sink is a cloud's URL."""
        return urlsplit(self.sink).scheme in CLOUD_SCHEMES

    def check(self, level: Level) -> None:
        """Allow ``level``, or raise.

        Raises:
            SettingsError: identity without consent and voice, or a level that HTTPS has no words for.
        """
        if level.kind == "identity" and not (self.identity_consent and self.voice_file):
            raise SettingsError(
                "level identity sends your voice, which tells who you are; "
                "it needs voice_file and identity_consent = true in the settings"
            )
        if level.kind != "text" and urlsplit(self.sink).scheme in ("https", "http"):
            raise SettingsError(f"an https:// sink gives text alone; level {level} needs wss://")

    def token(self) -> str:
        """The bearer token, or nothing where none is set. Never from the command line, which everybody can read.

        Raises:
            SettingsError: the token cannot be read, or would travel in the clear.
        """
        credential = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "token"
        path = Path(self.token_file) if self.token_file else credential
        try:
            token = path.read_text("utf-8") if self.token_file or path.exists() else os.environ.get("EDGY_TOKEN", "")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read the token in {path}; check that it exists and who may read it") from error
        token = token.strip()
        if not token.isascii() or any(c.isspace() for c in token):
            raise SettingsError(f"the token of {path if self.token_file else 'EDGY_TOKEN'} is not one word of ASCII")
        url = urlsplit(self.sink)
        if token and url.scheme in ("ws", "http") and url.hostname not in _LOOPBACK:
            raise SettingsError(f"the token would travel in the clear to {url.hostname}; use wss:// or https://")
        return token


def load_settings(path: Path | None = None, **changes: str | None) -> Settings:
    """Read a settings file, and check it.

    Args:
        path: of the file; None for the machine's own, /etc/edgy-edge.toml, where there is one.
        changes: values that replace those of the file, unless None.

    Raises:
        SettingsError: it cannot be read, is not TOML, or holds a wrong key or value.
    """
    table: dict[str, Any] = {}
    if path is not None or SYSTEM_FILE.exists():
        path = path or SYSTEM_FILE
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read settings {path}: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"settings {path} are not valid TOML: {error}") from error
    try:
        settings: Settings = build(Settings, table | {k: v for k, v in changes.items() if v is not None}, "settings")
    except PresetError as error:
        raise SettingsError(str(error)) from error
    _check_values(settings)
    return settings


def _check_values(settings: Settings) -> None:
    gate = settings.gate
    times = (gate.onset_ms, gate.hangover_ms, gate.pre_roll_ms)
    if not 0 < gate.release <= gate.onset < 1:
        raise SettingsError("gate.release and gate.onset must be between 0 and 1, and release not above onset")
    if min(times) < 10 or max(times) > 10_000 or not 2 <= gate.longest_s <= 300:
        raise SettingsError("times of the gate must be 10 to 10000 ms, and gate.longest_s 2 to 300")
    if settings.spool_bytes < _LEAST_SPOOL:
        raise SettingsError(f"spool_bytes must be at least {_LEAST_SPOOL}, not {settings.spool_bytes}")
    if not 0 <= settings.metrics_port < 1 << 16:
        raise SettingsError(f"metrics_port must be 0 to 65535, not {settings.metrics_port}")
    settings.check(Level.parse(settings.level))
    if settings.cloud and not urlsplit(settings.sink).hostname:
        raise SettingsError(f"sink {settings.sink!r} names no host")
