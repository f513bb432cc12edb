"""Enrolled voices in SQLite and in Postgres: one's own, and gone when deleted."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import EdgyError
from edgy_tf.serve.refusals import NotFoundError, TooManyError
from edgy_tf.serve.store import VoiceStore

VOICE = np.random.default_rng(0).standard_normal(64).astype(np.float32)
CODEBOOK = "0123456789abcdef"


def _postgres() -> Iterator[str]:
    """A server of its own on a socket in a folder; it does not run as root, and so as nobody there."""
    # Debian keeps them off the path.
    path = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
    initdb, pg_ctl = shutil.which("initdb", path=path), shutil.which("pg_ctl", path=path)
    if not initdb or not pg_ctl:
        pytest.skip("NOT TESTED on Postgres: initdb and pg_ctl are missing; run: make postgres")
    pytest.importorskip("psycopg", reason="NOT TESTED on Postgres: psycopg is not installed")
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)

        def run(*command: str) -> None:
            # To files, for the server keeps what it inherits open.
            with open(f"{folder}/log", "ab") as log:
                subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, user=user)

        data = ["-D", f"{folder}/data"]
        run(initdb, "-A", "trust", "-U", "edgy", *data)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        run(pg_ctl, *data, "-w", "-o", options, "start")
        yield f"postgresql://edgy@/postgres?host={folder}"
        run(pg_ctl, *data, "-m", "immediate", "stop")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('store') / 'voices.db'}"
    else:
        yield from _postgres()


@pytest.fixture
def store(url: str) -> Iterator[VoiceStore]:
    store = VoiceStore(url)
    yield store
    for owner in ("kitchen", "attic"):
        store.delete_all(owner)
    store.close()


def test_a_voice_comes_back_as_it_was(store: VoiceStore, url: str) -> None:
    made = store.add("kitchen", "me", CODEBOOK, VOICE, 5)
    for again in (store, VoiceStore(url)):
        found = again.get("kitchen", made.id)
        np.testing.assert_array_equal(found.embedding, VOICE)
        assert (found.name, found.codebook_id) == ("me", CODEBOOK)
        assert [v.id for v in again.list("kitchen")] == [made.id]


def test_a_voice_is_its_owners_alone(store: VoiceStore) -> None:
    mine, yours = (store.add(owner, "me", CODEBOOK, VOICE, 5) for owner in ("kitchen", "attic"))
    assert [v.id for v in store.list("kitchen")] == [mine.id]
    for reach in (store.get, store.delete):
        with pytest.raises(NotFoundError, match="you have no voice"):
            reach("kitchen", yours.id)
    assert store.get("attic", yours.id).id == yours.id
    assert store.delete_all("kitchen") == 1
    assert store.list("kitchen") == []
    assert len(store.list("attic")) == 1


@pytest.mark.parametrize("voice_id", ["", "x", "' OR 1=1 --", "\x00", "0" * 32, "A" * 32])
def test_ids_that_are_none(voice_id: str, store: VoiceStore) -> None:
    for reach in (store.get, store.delete):
        with pytest.raises(NotFoundError):
            reach("kitchen", voice_id)


def test_their_number_is_bounded(store: VoiceStore) -> None:
    made = [store.add("kitchen", "me", CODEBOOK, VOICE, 2) for _ in range(2)]
    with pytest.raises(TooManyError, match="delete one"):
        store.add("kitchen", "me", CODEBOOK, VOICE, 2)
    store.delete("kitchen", made[0].id)
    store.add("kitchen", "me", CODEBOOK, VOICE, 2)


def test_what_is_deleted_is_on_the_disk_no_more(tmp_path: Path) -> None:
    store = VoiceStore(f"sqlite:///{tmp_path / 'voices.db'}")
    others = [store.add("attic", "other", CODEBOOK, VOICE + i, 99) for i in range(1, 30)]
    made = store.add("kitchen", "unforgettable", CODEBOOK, VOICE, 5)

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    for trace in (VOICE.tobytes(), b"unforgettable", made.id.encode()):
        assert trace in on_disk()
    store.delete("kitchen", made.id)
    for trace in (VOICE.tobytes(), VOICE.tobytes()[:40], b"unforgettable", made.id.encode()):
        assert trace not in on_disk()
    assert others[0].embedding.tobytes() in on_disk()
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


@pytest.mark.parametrize("url", ["", "voices.db", "sqlite:////no/such/folder/voices.db", "oracle://x"])
def test_databases_that_are_none(url: str) -> None:
    with pytest.raises(EdgyError) as caught:
        VoiceStore(url)
    assert "\n" not in str(caught.value)
