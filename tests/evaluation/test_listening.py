"""A page to listen to a release."""

import base64
import io
import sys
from pathlib import Path

import pytest
import soundfile

from edgy_tf.corpora import read_pcm16
from edgy_tf.demo import SHIPPED
from edgy_tf.releases import find_release
from evaluation import listening
from tests.html_page import Page


def test_every_voice_is_heard_by_every_vocoder(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "page.html"
    monkeypatch.setattr(listening, "SHIPPED", _short(tmp_path))
    monkeypatch.setattr(sys, "argv", ["listening", str(tiny_release), "--out", str(out)])
    listening.main()
    page = Page(out.read_text("utf-8"))
    players = page.all("audio")
    voices = [*find_release(str(tiny_release)).voices, "anonymous", "pseudonym:kitchen"]
    labels = [f"{voice}, {way}" for voice in voices for way in ("wavernn", "griffin-lim")]
    assert [player["aria-label"] for player in players] == ["raw", *labels]
    sounds = []
    for player in players:
        data = base64.b64decode(player["src"].partition(",")[2], validate=True)
        sound, rate = soundfile.read(io.BytesIO(data))
        assert rate == 16000
        assert len(sound) == pytest.approx(16000, abs=2400)
        sounds.append(data)
    assert len(set(sounds)) > len(voices)
    assert not page.all("script")


def test_no_such_release_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["listening", "nothing", "--out", str(tmp_path / "page.html")])
    with pytest.raises(SystemExit, match="no release 'nothing'"):
        listening.main()
    assert not list(tmp_path.iterdir())


def _short(folder: Path) -> object:
    from dataclasses import replace

    from edgy_tf.corpora import to_float32, write_wav

    write_wav(folder / "short.wav", to_float32(read_pcm16(SHIPPED.audio)[:16000]))
    return replace(SHIPPED, audio=folder / "short.wav", enrolment=())
