"""The page at ``/``: what it is served with and shows, and whether a browser that loads nothing else can use it."""

import io
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

from edgy_tf.corpora import write_wav
from edgy_tf.releases import Release
from edgy_tf.serve.auth import Client
from edgy_tf.wire import bytes_by_kind, read_stream
from pi_runtime import EdgeEncoder
from tests.edgy_tf.serve.conftest import Sent, Serving, serving
from tests.html_page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def plain_server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that takes streams alone, from everyone, and has time to draw however busy the machine is."""
    with serving(release, tmp_path_factory.mktemp("plain"), job_seconds=600) as server:
        yield server


@pytest.fixture(scope="module")
def demo_server(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that plays the device's part, with a token."""
    with serving(release, tmp_path_factory.mktemp("demo"), (Client("kitchen"),), demo=True, job_seconds=600) as server:
        yield server


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (8000 * np.sin(np.arange(20000) / 20) + rng.standard_normal(20000) * 300).astype(np.int16)


def shown(http: httpx.Client, route: str, body: bytes) -> dict[str, Any]:
    answer = http.post(route, content=body, headers=BINARY, timeout=600)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def samples(panel: dict[str, str]) -> int:
    with soundfile.SoundFile(io.BytesIO(b64decode(panel["wav"]))) as file:
        assert file.samplerate == 16000
        return int(file.frames)


def test_the_page_is_whole_and_loads_nothing(plain_server: Serving) -> None:
    with plain_server.http() as http:
        answer = http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    page = Page(re.sub(r"<(link|input)([^>]*)>", r"<\1\2></\1>", answer.text))
    for _, attributes in page.elements:
        assert not attributes.keys() & {"src", "srcset", "style", "onclick"}
        assert attributes.get("href", "docs") in ("docs", "data:,")
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "https://" not in answer.text
    labelled = {label["for"] for label in page.all("label")}
    assert labelled == {field["id"] for field in page.all("input")}


def test_a_stream_is_shown_byte_by_byte(plain_server: Serving, sent: Sent) -> None:
    voice = plain_server.cloud.engine.decoder.voice("M1").embedding
    data = b"".join(sent(60, samples=19000, voice=voice))
    with plain_server.http() as http:
        seen = shown(http, "/v1/show?voice=F1&voice=pseudonym:hall", data)
        same = shown(http, "/v1/show", data)
    assert seen["disclosed"] == bytes_by_kind(data)
    assert set(seen["disclosed"]) == {"header", "speaker vector", "codes", "end"}
    assert sum(seen["disclosed"].values()) == len(data)
    assert seen["codes"] == read_stream(data).codes.tolist()
    assert len(seen["hues"]) == 60
    assert (seen["seconds"], b64decode(seen["stream"])) == (1.2, data)
    assert [panel["name"] for panel in seen["panels"]] == ["F1", "pseudonym:hall"]
    for panel in seen["panels"]:
        assert samples(panel) == 19000
        light, dark = (Image.open(io.BytesIO(b64decode(panel[theme]))).convert("L") for theme in ("light", "dark"))
        assert light.size == dark.size
        assert np.asarray(light)[0, 0] > 200 > 60 > np.asarray(dark)[0, 0]
    # As with /v1/speech, a voice in the stream is heard if no other is named.
    assert [panel["name"] for panel in same["panels"]] == ["voice of the stream"]


def test_what_cannot_be_shown_is_refused(plain_server: Serving, sent: Sent) -> None:
    asks = [("", sent(1501), 413), ("", [b"RIFF" + bytes(100)], 400), ("", sent(0), 400)]
    asks += [("?voice=Elvis", sent(5), 404), ("?" + "&".join(["voice=F1"] * 5), sent(5), 422)]
    with plain_server.http() as http:
        for query, messages, status in asks:
            answer = http.post("/v1/show" + query, content=b"".join(messages), headers=BINARY)
            assert answer.status_code == status, answer.text
            assert "\n" not in answer.json()["detail"]


def test_sound_is_taken_by_a_server_that_was_told_to_alone(
    plain_server: Serving, demo_server: Serving, pcm: np.ndarray, release: Release
) -> None:
    with plain_server.http() as http:
        assert http.get("/healthz").json()["demo"] is False
        assert http.post("/v1/demo", content=pcm.tobytes(), headers=BINARY).status_code == 404
        assert "/v1/demo" not in http.get("/openapi.json").text
    with demo_server.http() as http:
        assert http.get("/healthz").json()["demo"] is True
        assert http.post("/v1/demo", content=pcm.tobytes(), headers=BINARY).status_code == 401
    with demo_server.http("kitchen") as http:
        seen = shown(http, "/v1/demo?voice=F1&voice=anonymous", pcm.tobytes())
        for body, status in ((b"", 400), (b"odd", 400), (bytes(2 * 16000 * 30 + 2), 413)):
            assert http.post("/v1/demo", content=body, headers=BINARY).status_code == status
    expected = EdgeEncoder(release.encoder("int8")).encode(pcm)
    assert seen["codes"] == expected.tolist()
    assert read_stream(b64decode(seen["stream"])).samples == len(pcm)
    assert [panel["name"] for panel in seen["panels"]] == ["raw", "F1", "anonymous"]
    assert {samples(panel) for panel in seen["panels"]} == {len(pcm)}
    with soundfile.SoundFile(io.BytesIO(b64decode(seen["panels"][0]["wav"]))) as raw:
        np.testing.assert_array_equal(raw.read(dtype="int16"), pcm)


class Browser:
    """Headless Chromium, and whatever it asked for or complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def only_from(self, url: str) -> None:
        assert self.asked
        assert [asked for asked in self.asked if not asked.startswith((url + "/", "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("NOT TESTED in a browser: install Debian's chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is missing")
    # Nothing but this machine can be reached; a microphone that beeps is built in.
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    options += ["--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    options += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Browser]:
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    yield Browser(page)
    page.close()


def finished(browser: Browser) -> None:
    browser.page.wait_for_selector('#status:text-is("Done."), #problem:not(:empty)')
    assert browser.page.text_content("#problem") == ""


def test_a_stream_in_a_browser(browser: Browser, plain_server: Serving, sent: Sent, tmp_path: Path) -> None:
    data = b"".join(sent(120))
    (tmp_path / "x.edgy").write_bytes(data)
    write_wav(tmp_path / "x.wav", np.zeros(16000, np.int16))
    page = browser.page
    page.goto(plain_server.url)
    page.wait_for_selector("#voices input")
    assert page.is_visible("#about-real")
    assert page.is_hidden("#about-demo")
    assert f"ws://127.0.0.1:{plain_server.port}" in page.text_content("#node-command")

    page.set_input_files("#file", tmp_path / "x.wav")
    page.wait_for_selector("#problem:has-text('was not sent')")
    assert not [url for url in browser.asked if "/v1/show" in url or "/v1/demo" in url]

    page.set_input_files("#file", tmp_path / "x.edgy")
    finished(browser)
    assert page.text_content("#words") == "zanzibar0 zanzibar1 zanzibar2"
    assert page.evaluate("document.activeElement.id") == "results-title"
    cells = page.eval_on_selector_all("#disclosed tr", "rows => rows.map(r => [...r.cells].map(c => c.innerText))")
    rows = {kind: size for kind, size, _ in cells}
    assert {kind: int(size) for kind, size in rows.items()} == bytes_by_kind(data) | {
        "all of the stream": len(data),
        "sound": 0,
    }
    assert page.locator("#strip i").count() == 120
    numbers = [int(n) for line in page.text_content("#numbers").splitlines() for n in line.split()[1:]]
    assert numbers == read_stream(data).codes.tolist()
    durations = page.eval_on_selector_all("audio", "players => players.map(p => p.duration)")
    assert durations == pytest.approx([2.4, 2.4])
    assert page.eval_on_selector_all("img", "all => all.every(i => i.complete && i.naturalWidth > 0 && i.alt)")
    assert browser.complaints == []
    browser.only_from(plain_server.url)


def test_sound_in_a_browser_by_keyboard_with_a_token(
    browser: Browser, demo_server: Serving, pcm: np.ndarray, tmp_path: Path
) -> None:
    stereo = np.stack([pcm, pcm], 1)
    soundfile.write(tmp_path / "x.flac", np.repeat(stereo, 3, 0), 48000)
    page = browser.page
    page.emulate_media(color_scheme="dark")
    page.goto(demo_server.url)
    page.wait_for_selector("#needs-token:not([hidden])")
    assert page.is_visible("#about-demo")
    assert "sound leaves your machine" in page.text_content("#about-demo")
    page.keyboard.press("Tab")
    page.keyboard.type(demo_server.tokens["kitchen"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#voices input")
    browser.complaints.clear()  # The browser tells of the 401.
    page.set_input_files("#file", tmp_path / "x.flac")
    finished(browser)
    assert page.locator("audio").count() == 3
    assert page.text_content("#disclosed tr:last-child td") == f"{2 * len(pcm):,}"
    assert page.eval_on_selector("img", "image => image.currentSrc === image.parentNode.querySelector('source').srcset")

    page.focus("#record")
    page.keyboard.press("Enter")
    page.wait_for_selector("#record[aria-pressed=true]")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    page.wait_for_selector("#record[aria-pressed=false]")
    finished(browser)
    assert 0.1 < float(page.text_content("#seconds")) < 10
    assert browser.complaints == []
    browser.only_from(demo_server.url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(browser: Browser, plain_server: Serving, scheme: str) -> None:
    """Every visible text has the contrast of WCAG's level AA, 4.5 to 1."""
    page = browser.page
    page.emulate_media(color_scheme=scheme)
    page.goto(plain_server.url)
    page.wait_for_selector("#voices input")
    page.eval_on_selector_all("[hidden]", "all => all.forEach(e => { e.hidden = false; })")
    page.evaluate("document.getElementById('problem').textContent = 'trouble'")
    pairs = page.evaluate(
        """() => {
          const found = new Map(), seen = node => {
            for (let e = node; e; e = e.parentElement) {
              const colour = getComputedStyle(e).backgroundColor;
              if (colour !== 'rgba(0, 0, 0, 0)') return colour;
            }
          };
          for (const e of document.querySelectorAll('main *')) {
            const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
            if (text && e.checkVisibility()) found.set(getComputedStyle(e).color + '/' + seen(e), e.tagName);
          }
          return [...found.keys()];
        }"""
    )
    assert len(pairs) >= 5
    for pair in pairs:
        ink, paper = (luminance(colour) for colour in pair.split("/"))
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, pair


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    values = np.array([int(v) for v in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(values <= 0.03928, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_routes_are_described_without_a_network(browser: Browser, plain_server: Serving) -> None:
    browser.page.goto(f"{plain_server.url}/docs")
    browser.page.wait_for_selector('[data-path="/v1/transcript"]')
    browser.page.wait_for_load_state("networkidle")
    assert browser.complaints == []
    browser.only_from(plain_server.url)
