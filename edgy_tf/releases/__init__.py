"""Releases: encoders, decoder and voices that share one codebook, found by name. Needs the standard library alone.

A release is a folder: ``release.json``, one ``encoder-VARIANT.tflite`` per variant, ``network.safetensors``,
``prior.npz``, a model card, and, where a recogniser has learned to read the codes, ``reading.safetensors``. One that
is an encoder alone names the release that decodes its codes. Those that ship lie beside this module;
``edgy export`` writes others.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgy_tf.errors import CodebookMismatchError, ModelError

MANIFEST = "release.json"
READING = "reading.safetensors"


@dataclass(frozen=True)
class Release:
    """A release on disk.

    Attributes:
        folder: where its files are.
        name: of the release.
        codebook_id: of its codebook, 16 hexadecimal characters.
        preset: the architecture, as nested dicts.
        voices: names that ``edgy decode --voice`` takes; the first is the default.
        files: SHA-256 of every file, by name.
        vocoder: by which its codes read best as speech (`edgy_tf.decode.decoder.VOCODERS`).
        decoder: name or folder of the release that has network and prior, where this one is an encoder alone.
        earlier: presets, as nested dicts, by which its weights learned before that of ``preset``, oldest first.
    """

    folder: Path
    name: str
    codebook_id: str
    preset: dict[str, Any]
    voices: list[str]
    files: dict[str, str]
    vocoder: str = "wavernn"
    decoder: str = ""
    earlier: list[dict[str, Any]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Name and codebook, in Markdown: figures outlive the release of a name that they were measured on."""
        return f"release `{self.name}` (codebook `{self.codebook_id}`)"

    @property
    def lineage(self) -> list[dict[str, Any]]:
        """All presets, as nested dicts, that its weights learned by, oldest first."""
        return [*self.earlier, self.preset]

    @property
    def variants(self) -> list[str]:
        """Encoders in this release."""
        return [f.removeprefix("encoder-").removesuffix(".tflite") for f in self.files if f.endswith(".tflite")]

    def encoder(self, variant: str) -> Path:
        """Path of the ``.tflite`` of a variant.

        Raises:
            ModelError: the release has no such variant.
        """
        if variant not in self.variants:
            raise ModelError(f"release {self.name} has no '{variant}' encoder; it has {', '.join(self.variants)}")
        return self.folder / f"encoder-{variant}.tflite"

    @property
    def network(self) -> Path:
        """Path of the full-precision weights: encoder, codebook, decoder and voices."""
        return self._decoding / "network.safetensors"

    @property
    def reading(self) -> Path | None:
        """Path of what a recogniser has learned for its codes (`edgy_tf.reading`), where the release has that."""
        path = self._decoding / READING
        return path if path.exists() else None

    @property
    def _decoding(self) -> Path:
        return find_release(self.decoder).folder if self.decoder else self.folder

    def counts(self) -> Any:
        """How often each code follows each other, uint16 ``[K, K]``: the entropy coder's prior.

        Raises:
            ModelError: missing or damaged.
        """
        import numpy as np

        try:
            with np.load(self._decoding / "prior.npz", allow_pickle=False) as archive:
                return archive["counts"]
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"release {self.name} has no readable prior.npz; export it again") from error

    def verify(self) -> None:
        """Compare every file with its SHA-256.

        Raises:
            ModelError: a file is missing or was changed.
        """
        for name, expected in self.files.items():
            try:
                actual = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
            except OSError as error:
                raise ModelError(f"release {self.name} lacks {name}; install or export it again") from error
            if actual != expected:
                raise ModelError(f"{name} of release {self.name} was changed; install or export it again")


def release_names() -> list[str]:
    """Names of the releases that ship with the package."""
    return sorted(p.parent.name for p in Path(__file__).parent.glob(f"*/{MANIFEST}"))


def find_release(name: str) -> Release:
    """A release that ships, by its name, or one in a folder.

    Raises:
        ModelError: neither, or its ``release.json`` is damaged.
    """
    folder = Path(__file__).parent / name if name in release_names() else Path(name)
    try:
        about = json.loads((folder / MANIFEST).read_text("utf-8"))
        return Release(folder=folder, **about)
    except OSError as error:
        known = ", ".join(release_names()) or "none"
        raise ModelError(f"no release '{name}': installed are {known}; else name an exported folder") from error
    except (ValueError, TypeError) as error:
        raise ModelError(f"{folder / MANIFEST} is damaged; export the release again") from error


def release_of(codebook: str, name: str | None = None) -> Release:
    """The release that decodes codes of ``codebook``: the one of that ``name``, or the installed one that fits.

    Of several, one that has a decoder of its own.

    Raises:
        CodebookMismatchError: the named one is of another codebook, or none that is installed fits.
        ModelError: no release of that name.
    """
    candidates = [find_release(name)] if name else [find_release(n) for n in release_names()]
    candidates.sort(key=lambda release: bool(release.decoder))
    for release in candidates:
        if release.codebook_id == codebook:
            return release
    known = ", ".join(f"{r.name} ({r.codebook_id})" for r in candidates) or "none"
    raise CodebookMismatchError(f"the codes are of codebook {codebook}; at hand: {known}; name its --release")
