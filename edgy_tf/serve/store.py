"""Enrolled voices, each its owner's alone: in SQLite, or in another database by its URL."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.serve.refusals import NotFoundError, TooManyError

Floats = npt.NDArray[np.float32]

_METADATA = sa.MetaData()
_VOICES = sa.Table(
    "voices",
    _METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("codebook_id", sa.String(16), nullable=False),
    sa.Column("embedding", sa.LargeBinary, nullable=False),
    sa.Column("consented", sa.DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True, eq=False)
class EnrolledVoice:
    """A voice that its speaker gave away.

    Attributes:
        id: 32 hexadecimal digits that nobody can guess.
        name: as its owner calls it.
        codebook_id: of the release that it was enrolled with.
        consented: when it came.
        embedding: float32 ``[dim]``.
    """

    id: str
    name: str
    codebook_id: str
    consented: datetime
    embedding: Floats


class VoiceStore:
    """Voices by owner and id. What is deleted is overwritten in SQLite's file; backups are not ours.

    Args:
        url: of the database, as SQLAlchemy writes it: ``sqlite:///FILE``, ``postgresql+psycopg://USER@HOST/NAME``.

    Raises:
        MissingDependencyError: the database's driver is not installed.
        EdgyError: it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                _create_private(Path(parsed.database))
            self._engine = sa.create_engine(parsed)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _secure_delete)
            _METADATA.create_all(self._engine)
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"{error.name} is not installed; run: pip install 'edgy-tf[postgres]'"
            ) from error
        except (sa.exc.SQLAlchemyError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise EdgyError(f"the voices' database cannot be opened ({reason}); check its URL") from error

    def add(self, owner: str, name: str, codebook_id: str, embedding: Floats, most: int) -> EnrolledVoice:
        """Keep a voice.

        Raises:
            TooManyError: the owner has ``most`` already.
        """
        voice = EnrolledVoice(uuid.uuid4().hex, name, codebook_id, datetime.now(UTC), embedding.astype(np.float32))
        owned = sa.select(sa.func.count()).select_from(_VOICES).where(_VOICES.c.owner == owner)
        with self._engine.begin() as connection:
            if connection.execute(owned).scalar_one() >= most:
                raise TooManyError(f"a client may enrol {most} voices; delete one first")
            row = {"owner": owner, "embedding": voice.embedding.astype("<f4").tobytes()}
            row |= {key: getattr(voice, key) for key in ("id", "name", "codebook_id", "consented")}
            connection.execute(sa.insert(_VOICES), row)
        return voice

    def list(self, owner: str) -> list[EnrolledVoice]:
        """All voices of an owner, oldest first."""
        with self._engine.connect() as connection:
            query = sa.select(_VOICES).where(_VOICES.c.owner == owner).order_by(_VOICES.c.consented)
            return [_voice(row) for row in connection.execute(query)]

    def get(self, owner: str, voice_id: str) -> EnrolledVoice:
        """One voice.

        Raises:
            NotFoundError: there is none of that id, or it is another's: who asks cannot tell.
        """
        # Some databases take no NUL in a text, so nothing goes there that cannot be an id.
        row = None
        if re.fullmatch("[0-9a-f]{32}", voice_id):
            with self._engine.connect() as connection:
                row = connection.execute(sa.select(_VOICES).where(_mine(owner, voice_id))).first()
        if row is None:
            raise NotFoundError(_missing(voice_id))
        return _voice(row)

    def delete(self, owner: str, voice_id: str) -> None:
        """Delete a voice for good.

        Raises:
            NotFoundError: as `get`.
        """
        self.get(owner, voice_id)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_VOICES).where(_mine(owner, voice_id)))

    def delete_all(self, owner: str) -> int:
        """Delete every voice of an owner for good, and say how many there were."""
        with self._engine.begin() as connection:
            return connection.execute(sa.delete(_VOICES).where(_VOICES.c.owner == owner)).rowcount

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _mine(owner: str, voice_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_VOICES.c.owner == owner, _VOICES.c.id == voice_id)


def _missing(voice_id: str) -> str:
    return f"you have no voice '{voice_id}'; GET /v1/voices lists yours"


def _voice(row: Any) -> EnrolledVoice:
    embedding = np.frombuffer(row.embedding, "<f4").astype(np.float32)
    return EnrolledVoice(row.id, row.name, row.codebook_id, row.consented, embedding)


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, readable by nobody else."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _secure_delete(connection: Any, _: object) -> None:
    connection.execute("PRAGMA secure_delete = ON")
