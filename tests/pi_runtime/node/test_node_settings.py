"""Settings say what they forbid; levels are obeyed as chosen, and never more openly than the settings allow."""

from pathlib import Path

import pytest

from edgy_tf.errors import SettingsError
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.settings import Settings, load_settings


def loaded(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "x.toml").write_text(text)
    return load_settings(tmp_path / "x.toml")


def test_a_file_and_what_the_command_line_replaces(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('sink = "out"\nlevel = "anonymous"\n[gate]\nhangover_ms = 500\n')
    settings = load_settings(tmp_path / "x.toml", source="-", level=None)
    assert (settings.sink, settings.level, settings.source) == ("out", "anonymous", "-")
    assert (settings.gate.hangover_ms, settings.gate.longest_s) == (500, 60)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sink = 3", "settings.sink must be str"),
        ("[gate]\nonst = 1", "unknown key 'onst'"),
        ("= 1", "not valid TOML"),
        ("level = 'loud'", "no privacy level 'loud'"),
        ("level = 'pseudonym'", "pseudonym:NAME"),
        ("level = 'pseudonym:a/b'", "pseudonym:NAME"),
        ("level = 'text:me'", "no privacy level"),
        ("level = 'identity'", "identity_consent"),
        ("level = 'identity'\nidentity_consent = true", "voice_file"),
        ("level = 'anonymous'\nsink = 'https://x'", "needs wss://"),
        ("sink = 'wss://'", "names no host"),
        ("spool_bytes = 10", "at least"),
        ("metrics_port = 70000", "0 to 65535"),
        ("[gate]\nonset = 0.2", "release not above onset"),
        ("[gate]\nhangover_ms = 0", "10 to 10000"),
        ("[gate]\nlongest_s = 301", "2 to 300"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        loaded(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read settings"):
        load_settings(tmp_path / "x.toml")


def test_the_token_comes_from_file_environment_or_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("EDGY_TOKEN", raising=False)
    assert Settings().token() == ""
    monkeypatch.setenv("EDGY_TOKEN", "environment")
    assert Settings().token() == "environment"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "token").write_text("credential\n")
    assert Settings().token() == "credential"
    (tmp_path / "other").write_text("file\n")
    assert Settings(token_file=str(tmp_path / "other")).token() == "file"


@pytest.mark.parametrize("content", ["two words", "zwölf", "a\nb: c"])
def test_a_token_that_is_none_is_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "t").write_text(content)
    with pytest.raises(SettingsError, match="one word") as caught:
        Settings(token_file=str(tmp_path / "t")).token()
    assert content not in str(caught.value)


def test_a_token_never_travels_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGY_TOKEN", "secret")
    for sink in ("ws://example.org", "http://192.168.1.2:8000"):
        with pytest.raises(SettingsError, match="in the clear") as caught:
            Settings(sink=sink).token()
        assert "secret" not in str(caught.value)
    assert Settings(sink="wss://example.org").token() == Settings(sink="ws://localhost:1").token() == "secret"


@pytest.mark.parametrize("text", ["text", "anonymous", "pseudonym:kitchen_2", "identity"])
def test_a_level_reads_as_it_is_written(text: str) -> None:
    assert str(Level.parse(text)) == text


def test_a_choice_outlives_a_restart_but_not_an_edit_of_the_settings(tmp_path: Path) -> None:
    def level(configured: str) -> ChosenLevel:
        settings = Settings(level=configured)
        return ChosenLevel(tmp_path / "level", Level.parse(configured), settings.check)

    level("anonymous").choose(Level.parse("pseudonym:a"))
    assert str(level("anonymous").current()) == "pseudonym:a"
    assert str(level("text").current()) == "text"


def test_a_level_that_the_settings_forbid_is_neither_chosen_nor_obeyed(tmp_path: Path) -> None:
    open_one = Settings(identity_consent=True, voice_file="me.npz")
    ChosenLevel(tmp_path / "level", Level("anonymous"), open_one.check).choose(Level("identity"))
    strict = ChosenLevel(tmp_path / "level", Level("anonymous"), Settings().check)
    assert str(strict.current()) == "text"
    with pytest.raises(SettingsError, match="identity_consent"):
        strict.choose(Level("identity"))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"level": 3, "instead_of": "anonymous"}'])
def test_a_damaged_choice_means_the_most_private_level(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "level").write_bytes(content)
    assert str(ChosenLevel(tmp_path / "level", Level("anonymous"), Settings().check).current()) == "text"
