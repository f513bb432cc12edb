"""The quick audit of the release, as a person runs it, on real speech."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def audited(real_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, str]:
    folder = tmp_path_factory.mktemp("audit")
    command = "from edgy_tf.cli.main import main; raise SystemExit(main())"
    options = ["--corpus", str(real_corpus), "--quick", "--paper", "--cache", str(folder / "cache")]
    done = subprocess.run(
        [sys.executable, "-c", command, "audit", "pi", *options, "--out", str(folder / "out")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "out" / "audit.json").read_text()), folder / "out", done.stdout


def test_everything_was_measured(audited: tuple[dict[str, Any], Path, str]) -> None:
    result, folder, printed = audited
    assert result["not_measured"] == []
    cases = {(v["attribute"], v["source"], v["system"]) for v in result["verdicts"]}
    systems = ("raw", "mcadams", "edgy-mel")
    assert {("identity", "librispeech", s) for s in systems} <= cases
    assert {("emotion", "ravdess", s) for s in systems} <= cases
    assert {("gender", "speechocean762", s) for s in systems} <= cases
    assert {u["system"] for u in result["utility"]} == {"raw", "edgy-mel"}
    assert "Table 3" in printed
    assert (folder / "index.html").stat().st_size > 100_000
    # The folders of this machine are nobody's business.
    assert str(folder.parent) not in json.dumps(result)


def test_the_attackers_are_strong_on_raw_speech(audited: tuple[dict[str, Any], Path, str]) -> None:
    raw = {(v["attribute"], v["source"]): v["raw"]["value"] for v in audited[0]["verdicts"] if v["system"] == "raw"}
    assert raw["identity", "librispeech"] <= 0.05
    assert raw["identity", "speechocean762"] <= 0.08  # A third of the full audit's speech.
    assert raw["gender", "ravdess"] >= 0.9
    assert raw["emotion", "ravdess"] >= 0.3


def test_words_of_raw_speech_are_heard(audited: tuple[dict[str, Any], Path, str]) -> None:
    wer = {(u["system"], u["source"]): u["wer"] for u in audited[0]["utility"]}
    assert wer["raw", "librispeech"] < 0.2
    assert wer["raw", "librispeech"] < wer["edgy-mel", "librispeech"]
