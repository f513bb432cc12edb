"""Unusual recordings are taken; of bad input the commands say so in one line, and nothing is lost."""

import dataclasses
import io
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cli.main import main
from edgy_tf.releases import find_release
from edgy_tf.wire import read_stream
from tests.edgy_tf.cli.refusals import refused


def wav_bytes(channels: int, width: int, rate: int, seconds: float = 0.5) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        t = np.arange(int(rate * seconds)) / rate
        tone = np.repeat(0.3 * np.sin(2 * np.pi * 440 * t), channels)
        scaled = (tone * 127 + 128).astype(np.uint8) if width == 1 else (tone * 32767).astype("<i2")
        file.writeframes(scaled.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [wav_bytes(1, 1, 16000), wav_bytes(2, 2, 16000), wav_bytes(1, 2, 44100)],
    ids=["8-bit", "stereo", "44.1 kHz"],
)
def test_unusual_recordings_are_encoded(content: bytes, tiny_release: Path, tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    out = tmp_path / "out.edgy"
    assert main(["encode", str(tmp_path / "in.wav"), str(out), "--release", str(tiny_release)]) == 0
    assert len(read_stream(out).codes) == 25


def nan_wav() -> bytes:
    samples = np.full(1600, np.nan, "<f4").tobytes()
    head = b"fmt " + (16).to_bytes(4, "little") + bytes.fromhex("0300010080 3e0000 00fa0000 0400 2000".replace(" ", ""))
    data = b"data" + len(samples).to_bytes(4, "little") + samples
    return b"RIFF" + (4 + len(head) + len(data)).to_bytes(4, "little") + b"WAVE" + head + data


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (wav_bytes(1, 2, 16000, 0), "no samples|empty"),
        (b"", "empty|0 bytes"),
        (bytes.fromhex("ffd8ffe000104a46494600") + bytes(200), "not|cannot"),
        (nan_wav(), "NaN|finite"),
        (None, "no such file|No such file"),
    ],
    ids=["no samples", "0 bytes", "JPEG", "NaN", "missing"],
)
def test_bad_recordings_leave_one_line_and_no_file(
    content: bytes | None, says: str, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "made"
    out.mkdir()
    if content is not None:
        source.write_bytes(content)
    error = refused(capsys, "encode", source, out / "x.edgy", "--release", tiny_release)
    assert re.search(says, error)
    assert not list(out.iterdir())


def test_codes_of_another_codebook_are_refused_everywhere(
    recording: Path, tiny_release: Path, tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from converters.encoder import convert_encoder
    from edgy_tf.network import Network

    network = Network.load(find_release(str(tiny_release)).network)
    other = dataclasses.replace(network, arrays=network.arrays | {"quantizer/codebook": network.codebook + 1})
    model = tmp_path / "other.tflite"
    model.write_bytes(convert_encoder(other, "float32", [], "Apache-2.0"))
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), "--model", str(model)]) == 0
    capsys.readouterr()
    error = refused(capsys, "decode", tmp_path / "x.edgy", tmp_path / "x.wav", "--release", tiny_release)
    assert other.codebook_id in error
    assert network.codebook_id in error
    assert not (tmp_path / "x.wav").exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "nothing"])
def test_damaged_streams_are_refused_with_an_offset(
    damage: str, recording: Path, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), "--release", str(tiny_release)]) == 0
    capsys.readouterr()
    good = (tmp_path / "x.edgy").read_bytes()
    flipped = good[:40] + bytes([good[40] ^ 1]) + good[41:]
    bad = {"truncated": good[:-3], "flipped": flipped, "text": b"hello world" * 9, "nothing": b""}[damage]
    (tmp_path / "bad.edgy").write_bytes(bad)
    error = refused(capsys, "decode", tmp_path / "bad.edgy", tmp_path / "x.wav", "--release", tiny_release)
    assert "at byte" in error
    assert not (tmp_path / "x.wav").exists()


def test_names_that_do_not_exist(
    recording: Path, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.edgy"
    assert "no release 'nowhere'" in refused(capsys, "encode", recording, out, "--release", "nowhere")
    assert "no 'int4'" in refused(capsys, "encode", recording, out, "--release", tiny_release, "--variant", "int4")
    assert "no model" in refused(capsys, "encode", recording, out, "--model", tmp_path / "none.tflite")
    assert "no preset" in refused(capsys, "train", "--preset", "p", "--corpus", tmp_path, "--out", tmp_path / "r")
    assert "no weights" in refused(capsys, "export", tmp_path, "--corpus", tmp_path, "--out", tmp_path / "r")
    missing = refused(capsys, "encode", recording, tmp_path / "no" / "folder" / "x.edgy", "--release", tiny_release)
    assert "folder" in missing
    assert not out.exists()


@pytest.mark.parametrize(("command", "extra"), [("decode", "cloud"), ("train", "train"), ("demo", "demo")])
def test_without_its_packages_a_command_says_what_to_install(
    command: str, extra: str, recording: Path, tiny_release: Path, tones: Path, tmp_path: Path
) -> None:
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'scipy', 'safetensors', 'matplotlib', 'tqdm'):\n"
        "    sys.modules[name] = None\n"
        "from edgy_tf.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), "--release", str(tiny_release)]) == 0
    arguments = {
        "decode": [tmp_path / "x.edgy", tmp_path / "x.wav", "--release", tiny_release],
        "train": ["--corpus", tones, "--out", tmp_path / "run"],
        "demo": ["--out", tmp_path / "demo", "--release", tiny_release],
    }[command]
    done = subprocess.run(
        [sys.executable, "-c", program, command, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.strip().splitlines()
    assert f"edgy-tf[{extra}]" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pie", "--corpus", "TONES"), "no release 'pie'"),
        (("RELEASE", "--corpus", "missing"), "no such folder"),
        (("RELEASE", "--corpus", "TONES", "--plan", "fll"), "no audit plan 'fll'"),
        (("RELEASE", "--corpus", "TONES", "--variant", "int4"), "no 'int4' encoder"),
    ],
)
def test_an_audit_of_nothing_says_what_is_missing(
    arguments: tuple[str, ...],
    says: str,
    tones: Path,
    tiny_release: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"TONES": str(tones), "RELEASE": str(tiny_release)}
    folders = ("--out", tmp_path / "out", "--cache", tmp_path / "cache")
    assert says in refused(capsys, "audit", *(places.get(a, a) for a in arguments), *folders)
    assert not (tmp_path / "out").exists()
