"""Tokens and their limits."""

import json
from pathlib import Path

import pytest

from edgy_tf.cli.main import main
from edgy_tf.errors import EdgyError
from edgy_tf.serve.auth import ANYONE, Client, RateLimiter, TokenFile, bearer
from edgy_tf.serve.refusals import TooManyError, UnauthorisedError


def test_a_token_is_known_by_its_hash_alone(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = TokenFile(path).new(Client("kitchen", 5, 2))
    assert token not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert TokenFile(path).client(token) == Client("kitchen", 5, 2)
    for wrong in (None, "", token[:-1], token + " ", json.loads(path.read_text())[0]["sha256"], "\udc80"):
        with pytest.raises(UnauthorisedError, match="no such token"):
            TokenFile(path).client(wrong)


def test_a_running_server_sees_new_and_revoked_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    running, keeper = TokenFile(path), TokenFile(path)
    first, second = keeper.new(Client("first")), keeper.new(Client("second"))
    assert running.client(first).name == "first"
    keeper.revoke("first")
    with pytest.raises(UnauthorisedError):
        running.client(first)
    assert running.client(second).name == "second"
    assert first != keeper.new(Client("first")), "a name comes back with another token"


def test_names_are_one_clients(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "tokens.json")
    tokens.new(Client("kitchen"))
    for name in ("kitchen", "", "two words", "a" * 65, "../x", "\n"):
        with pytest.raises(EdgyError):
            tokens.new(Client(name))
    with pytest.raises(EdgyError, match="no token named attic"):
        tokens.revoke("attic")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"sha256": "x"}]', '[{"name": "x"}]', "\x00"])
def test_damaged_files_are_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(EdgyError, match=r"edgy token new|no such token") as caught:
        TokenFile(path).client("x")
    assert "\n" not in str(caught.value)


def test_a_bucket_lets_a_minutes_requests_through_and_fills_again() -> None:
    now = 0.0
    limiter = RateLimiter(lambda: now)
    client = Client("kitchen", per_minute=6)
    for _ in range(6):
        limiter.take(client)
    with pytest.raises(TooManyError) as caught:
        limiter.take(client)
    assert caught.value.retry_after == 10
    limiter.take(Client("attic", per_minute=6))
    now = 10.0
    limiter.take(client)
    now = 1e6
    for _ in range(6):
        limiter.take(client)
    with pytest.raises(TooManyError):
        limiter.take(client)
    for _ in range(1000):
        limiter.take(ANYONE)


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer x", "x"), ("bearer  x ", "x"), ("Basic x", None), ("Bearer", ""), ("", None), (None, None)],
)
def test_headers(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


def test_the_command_prints_a_token_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = ["--tokens", str(tmp_path / "t.json")], ["--store", f"sqlite:///{tmp_path / 'v.db'}"]
    assert main(["token", "new", "kitchen", *file, "--per-minute", "7"]) == 0
    token = capsys.readouterr().out.strip()
    assert TokenFile(tmp_path / "t.json").client(token).per_minute == 7
    assert main(["token", "list", *file]) == 0
    assert capsys.readouterr().out == "kitchen: 7 requests a minute, 4 streams\n"
    assert main(["token", "revoke", "kitchen", *file, *store]) == 0
    assert "0 voices deleted" in capsys.readouterr().out
    assert main(["token", "revoke", "kitchen", *file, *store]) == 2
    assert "no token named kitchen" in capsys.readouterr().err


def test_a_server_that_others_reach_needs_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "needs tokens" in capsys.readouterr().err
    assert main(["serve", "--tokens", str(tmp_path / "none.json")]) == 2
    assert "edgy token new NAME" in capsys.readouterr().err
