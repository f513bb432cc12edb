"""The page of ``edgy demo``, on a result that needed no model."""

import hashlib
import re
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cli.demo import other_voice
from edgy_tf.cli.main import main
from edgy_tf.demo import FOLDER, SHIPPED, Recording
from edgy_tf.demo.page import Panel, Result, Timing, build_page
from edgy_tf.demo.stream_view import Disclosure, code_hues
from edgy_tf.wire import StreamHeader, StreamWriter
from edgy_tf.wire.header import HEADER_SIZE
from edgy_tf.wire.packets import Kind
from tests.html_page import Page


@pytest.fixture(scope="module")
def result() -> Result:
    codes = np.random.default_rng(0).integers(0, 512, 130).astype(np.int32)
    file = BytesIO()
    writer = StreamWriter(file, StreamHeader("0123456789abcdef", 512, 16000, 320))
    writer.write(codes)
    writer.close(41500)
    return Result(
        recording=SHIPPED,
        panels=tuple(Panel(name, "how", b"RIFF", b"light", b"dark") for name in ("Raw", "Same voice", "Other voice")),
        samples=41500,
        codes=codes,
        hues=code_hues(np.random.default_rng(1).standard_normal((512, 4)).astype(np.float32)),
        stream=file.getvalue(),
        entropy_stream=file.getvalue()[:-30],
        voice_bytes=268,
        equal_codes=127,
        timings=(Timing("load", 0.02), Timing("encode", 0.05, 2.5), Timing("decode", 5.0, 2.5)),
        release="pi",
        machine="a test",
        command="edgy demo --out 'my demo'",
    )


def test_tags_are_balanced_and_nothing_is_loaded(result: Result) -> None:
    html = build_page(result)
    page = Page(html)
    assert not page.all("script") + page.all("link") + page.all("iframe")
    for _, attributes in page.elements:
        for name in ("src", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_three_players_with_labelled_images(result: Result) -> None:
    page = Page(build_page(result))
    assert [audio["aria-label"] for audio in page.all("audio")] == ["Raw", "Same voice", "Other voice"]
    assert len(page.all("img")) == 3
    assert all(image["alt"] for image in page.all("img"))
    assert all(source["media"] == "(prefers-color-scheme: dark)" for source in page.all("source"))
    assert page.all("html") == [{"lang": "en"}]


def test_text_is_escaped(result: Result) -> None:
    evil = "<script>alert('&\"')</script>"
    odd = replace(
        result,
        recording=Recording(Path("a"), (), transcript=evil, credit=evil, licence=evil, licence_url=evil),
        panels=(replace(result.panels[0], title=evil, caption=evil), *result.panels[1:]),
        timings=(Timing(evil, 1.0),),
        release=evil,
        machine=evil,
        command=evil,
    )
    page = Page(build_page(odd))
    assert not page.all("script")
    assert page.text.count(evil) == 9
    assert page.all("audio")[0]["aria-label"] == evil
    assert page.all("a")[-1]["href"] == evil


def test_figures_are_the_streams_own(result: Result) -> None:
    words = Page(build_page(result)).words
    assert "2.59 seconds of speech into 130 small integers" in words
    assert f"{len(result.stream)} bytes" in words
    assert "256,000 1 ×" in words
    assert "127 of 130 codes equal (97.7%)" in words
    assert "encode 50.0 ms 0.02 decode 5.00 s 2" in words
    assert "Speaker packet 0 none; one with the enrolled voice would take 268 bytes" in words
    assert "edgy demo --out 'my demo'" in words


def test_what_a_run_may_lack(result: Result) -> None:
    lacking = replace(result, entropy_stream=None, equal_codes=None, recording=Recording(Path("me.wav"), ()))
    words = Page(build_page(lacking)).words
    assert ".edgy, entropy-coded not installed" in words
    assert "no float32 encoder" in words
    assert "Given with --audio" in words
    assert "LibriSpeech" not in words


def test_disclosure_accounts_for_every_byte(result: Result) -> None:
    disclosure = Disclosure.of(result.stream)
    assert HEADER_SIZE + sum(disclosure.sizes(*Kind)) == len(result.stream)
    assert len(disclosure.sizes(Kind.CODES)) == 3
    assert disclosure.sizes(Kind.SPEAKER) == []


def test_hex_dump_is_the_first_packet(result: Result) -> None:
    html = build_page(result)
    dump = re.search('<pre class="dump">(.*?)</pre>', html, re.DOTALL)
    assert dump is not None
    lines = [re.sub("<[^>]*>", "", line).split("  ", 1) for line in dump[1].splitlines()]
    assert lines[0][0] == f"{HEADER_SIZE:04x}"
    assert bytes.fromhex("".join(line[1] for line in lines)) == Disclosure.of(result.stream).packets[0][1]


def test_every_code_has_a_cell_with_its_number(result: Result) -> None:
    cells = [int(cell["title"]) for cell in Page(build_page(result)).all("i")]
    assert cells == result.codes.tolist()


def test_near_vectors_have_near_hues() -> None:
    angles = np.radians(np.arange(0, 360, 5))
    hues = code_hues(np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1).astype(np.float32))
    steps = (np.diff(hues) + 180) % 360 - 180
    assert set(np.abs(steps)) == {5}


def test_shipped_recordings_are_those_of_the_attribution() -> None:
    rows = re.findall(r"`(\w+\.flac)` .* `([0-9a-f]{64})`", (FOLDER / "ATTRIBUTION.md").read_text("utf-8"))
    assert {FOLDER / name for name, _ in rows} == {SHIPPED.audio, *SHIPPED.enrolment}
    for name, digest in rows:
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


def test_other_voice_is_of_the_other_gender_and_far() -> None:
    places: dict[str, list[float]] = {"default": [-9, 0], "F1": [-1, 0], "M1": [1, 0.1], "M2": [0, 1]}
    voices = {name: np.asarray(place, np.float32) for name, place in places.items()}
    own = np.array([1, 0], np.float32)
    assert other_voice(voices, own, "F") == "M2"
    assert other_voice(voices, own, None) == "F1"
    assert other_voice({"default": voices["default"]}, own, "F") == "default"


@pytest.mark.parametrize("samples", [np.zeros(1, np.float32), np.ones(20000, np.float32)])
def test_figures_of_odd_recordings(samples: np.ndarray) -> None:
    from edgy_tf.demo.figures import DARK, LIGHT, Figures

    figures = Figures([samples, samples], 16000)
    for theme in (LIGHT, DARK):
        assert figures.draw(samples, theme).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--release", "no-such"], "no release 'no-such'"),
        (["--audio", "me.wav"], "--audio and --enrol go together"),
    ],
)
def test_mistakes_are_one_line(
    options: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"edgy demo: {reason}")
    assert error.count("\n") == 1
    assert not (tmp_path / "demo").exists()


def test_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from edgy_tf.decode import voices

    # A voice of two steps is as good a test as one of 150.
    monkeypatch.setattr(voices, "enrol", partial(voices.enrol, steps=2))
    assert main(["demo", "--out", str(tmp_path)]) == 0
    names = ["index.html", "other-voice.wav", "raw.wav", "same-voice.wav", "speech.edgy"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "speech-entropy.edgy") == names
    page = Page((tmp_path / "index.html").read_text("utf-8"))
    assert len(page.all("audio")) == 3
    assert len(page.all("i")) == 312
    assert f"page: {tmp_path / 'index.html'}" in capsys.readouterr().out
