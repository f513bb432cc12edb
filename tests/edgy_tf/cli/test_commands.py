"""The commands in the order in which a project meets them, and what they say of bad input."""

import hashlib
import json
import shutil
import subprocess
import sys
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cli.main import COMMANDS, main
from edgy_tf.corpora import write_wav
from edgy_tf.reading import Reading
from edgy_tf.releases import MANIFEST, READING, find_release
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.train.reading import ReadingRun
from edgy_tf.wire import read_stream
from tests.conftest import harmonic_voice


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "in.wav"
    write_wav(path, harmonic_voice(np.random.default_rng(7), 140, 1.0))
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail as expected errors do; return its one line."""
    assert main([str(a) for a in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"edgy {arguments[0]}: ")
    assert "\n" not in error
    return error


def test_help_shows_the_workflow_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    places = [text.index(f"\n  edgy {name} ") for name in COMMANDS if f"\n  edgy {name} " in text]
    assert places == sorted(places)
    assert len(places) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"example:\n  edgy {command}" in capsys.readouterr().out


def test_sound_to_codes_to_speech(
    recording: Path, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), "--release", str(tiny_release)]) == 0
    assert "50 codes" in capsys.readouterr().out
    arguments = [str(tmp_path / "x.edgy"), str(tmp_path / "x.wav"), "--release", str(tiny_release)]
    assert main(["decode", *arguments, "--voice", "F1"]) == 0
    with wave.open(str(tmp_path / "x.wav")) as decoded, wave.open(str(recording)) as source:
        assert decoded.getnframes() == source.getnframes()
        assert decoded.getframerate() == 16000


def test_entropy_coding_changes_the_bytes_and_not_the_codes(
    recording: Path, tiny_release: Path, tmp_path: Path
) -> None:
    from edgy_tf.wire import Prior

    release = find_release(str(tiny_release))
    common = [str(recording), "--release", str(tiny_release)]
    assert main(["encode", common[0], str(tmp_path / "plain.edgy"), *common[1:]]) == 0
    assert main(["encode", common[0], str(tmp_path / "coded.edgy"), *common[1:], "--entropy"]) == 0
    plain = read_stream(tmp_path / "plain.edgy")
    coded = read_stream(tmp_path / "coded.edgy", Prior(release.codebook_id, release.counts()))
    np.testing.assert_array_equal(plain.codes, coded.codes)
    assert coded.header.needs_prior
    assert main(["decode", str(tmp_path / "coded.edgy"), str(tmp_path / "x.wav"), *common[1:]]) == 0


def test_an_enrolled_voice_travels_in_the_stream(
    recording: Path, tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgy_tf.decode import voices

    # A voice of two steps travels as one of 150 does.
    monkeypatch.setattr(voices, "enrol", partial(voices.enrol, steps=2))
    me, release = tmp_path / "me.npz", ["--release", str(tiny_release)]
    assert main(["enrol", str(recording), str(me), *release]) == 0
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), *release, "--voice", str(me)]) == 0
    stream = read_stream(tmp_path / "x.edgy")
    assert stream.speaker is not None
    np.testing.assert_allclose(stream.speaker, np.load(me)["voice"], rtol=1e-6)
    for name, voice in {"sent": [], "file": ["--voice", str(me)], "other": ["--voice", "M1"]}.items():
        out = tmp_path / f"{name}.wav"
        assert main(["decode", str(tmp_path / "x.edgy"), str(out), *release, *voice]) == 0
    assert (tmp_path / "sent.wav").read_bytes() == (tmp_path / "file.wav").read_bytes()
    assert (tmp_path / "sent.wav").read_bytes() != (tmp_path / "other.wav").read_bytes()


def test_an_anonymous_voice_changes_and_a_pseudonym_does_not(
    recording: Path, tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = ["--release", str(tiny_release)]
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), *release]) == 0

    def decoded(voice: str) -> bytes:
        assert main(["decode", str(tmp_path / "x.edgy"), str(tmp_path / "x.wav"), *release, "--voice", voice]) == 0
        return (tmp_path / "x.wav").read_bytes()

    assert decoded("anonymous") != decoded("anonymous")
    assert decoded("pseudonym:kitchen") == decoded("pseudonym:kitchen") != decoded("pseudonym:attic")
    assert "no voice 'Elvis'" in refused(
        capsys, "decode", tmp_path / "x.edgy", tmp_path / "x.wav", *release, "--voice", "Elvis"
    )


def test_a_release_is_trained_and_exported_again_by_its_name(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The run has come to its end already: what is left to do is to see that, and to export.
    shutil.copytree(tiny_run, tmp_path / "run")
    arguments = ["--recipe", str(tiny_release), "--corpus", str(tones), "--out", str(tmp_path / "run")]
    assert main(["train", *arguments]) == 0
    assert "codes equal to Keras" in capsys.readouterr().out
    first, again = find_release(str(tiny_release)), find_release(str(tmp_path / "run" / "tiny"))
    assert again.codebook_id == first.codebook_id
    assert again.files == first.files
    with pytest.raises(SystemExit):
        main(["train", *arguments, "--preset", "micro"])


def test_what_a_release_learned_by_before_is_trained_first(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path
) -> None:
    release, run = tmp_path / "tiny", tmp_path / "run"
    shutil.copytree(tiny_release, release)
    about = json.loads((release / MANIFEST).read_text())
    (release / MANIFEST).write_text(json.dumps(about | {"earlier": [about["preset"]]}))
    shutil.copytree(tiny_run, run / "1-tiny", ignore=shutil.ignore_patterns("prepared"))
    assert main(["train", "--recipe", str(release), "--corpus", str(tones), "--out", str(run)]) == 0
    assert [folder.parent for folder in run.rglob("prepared")] == [run]
    first, last = Checkpoint.load(tiny_run), Checkpoint.load(run)
    assert last.earlier == first.lineage
    again = json.loads((run / "tiny" / MANIFEST).read_text())
    assert [preset["train"]["phases"][-1]["steps"] for preset in again["earlier"]] == [first.step]
    assert not np.array_equal(last.model["conv1/kernel"], first.model["conv1/kernel"])


def test_an_encoder_that_compression_made_is_not_trained_as_if_it_were_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "--recipe", "micro", "--corpus", tmp_path, "--out", tmp_path / "run"
    assert "compress made of pi" in refused(capsys, "train", *asked)
    assert not (tmp_path / "run").exists()


def test_what_reads_the_codes_of_a_release_is_learned_again_too(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, run = tmp_path / "tiny", tmp_path / "run"
    shutil.copytree(tiny_release, release)
    Reading("codes of another run", {}).save(release / READING)
    about = json.loads((release / MANIFEST).read_text())
    digest = hashlib.sha256((release / READING).read_bytes()).hexdigest()
    (release / MANIFEST).write_text(json.dumps(about | {"files": about["files"] | {READING: digest}}))
    shutil.copytree(tiny_run, run)

    def learn(asked: ReadingRun) -> Reading:
        assert asked.prepared == run / "prepared"
        asked.out.mkdir()
        learned = Reading(asked.release.codebook_id, {"a/down": np.ones((1, 2)), "a/up": np.ones((2, 1))})
        learned.save(asked.out / READING)
        return learned

    monkeypatch.setattr("edgy_tf.cli.train.whisper_base", dict)
    monkeypatch.setattr("edgy_tf.train.reading.train_reading", learn)
    assert main(["train", "--recipe", str(release), "--corpus", str(tones), "--out", str(run)]) == 0
    again = find_release(str(run / "tiny"))
    assert again.reading is not None
    assert Reading.load(again.reading).codebook_id == again.codebook_id == about["codebook_id"]


def test_verify_prints_a_row_per_encoder(
    recording: Path, tiny_release: Path, tones: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["verify", str(tiny_release), "--corpus", str(tones), "--audio", str(recording), "--count", "2"]
    assert main(arguments) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert len(rows) == 3
    assert all("in 3 utterances" in row for row in rows)


def test_export_writes_the_variants_that_are_named_and_reports_them(
    tiny_run: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(tiny_run), "--corpus", str(tones), "--out", str(tmp_path / "r"), "--variants"]
    assert main([*arguments, "float16,int8"]) == 0
    out = capsys.readouterr().out
    for says in ("float16: ", "int8: ", "encode_stream", "dB by layer", "not in XNNPACK", "gzipped"):
        assert says in out
    release = find_release(str(tmp_path / "r"))
    assert (release.variants, release.vocoder) == (["float16", "int8"], "wavernn")
    assert main([*arguments, "float32", "--vocoder", "griffin-lim"]) == 0
    assert find_release(str(tmp_path / "r")).vocoder == "griffin-lim"
    with pytest.raises(SystemExit):
        main([*arguments, "float32,int4"])
    assert "no variant 'int4'" in capsys.readouterr().err
    assert "--corpus" in refused(capsys, "export", str(tiny_run), "--out", str(tmp_path / "r"))


def wav_bytes(channels: int, width: int, rate: int, seconds: float = 0.5) -> bytes:
    import io

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
    import re

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
    import dataclasses

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


def test_encoding_needs_no_tensorflow(recording: Path, tiny_release: Path, tmp_path: Path) -> None:
    """On a device there is none: the whole command runs while every import of TensorFlow fails."""
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'librosa', 'scipy', 'safetensors', 'sklearn', 'numba'):\n"
        "    sys.modules[name] = None\n"
        "from edgy_tf.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    out = tmp_path / "x.edgy"
    command = [sys.executable, "-c", program, "encode", recording, out, "--release", tiny_release]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(read_stream(out).codes) == 50


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


def test_the_installed_command_runs() -> None:
    command = shutil.which("edgy", path=str(Path(sys.executable).parent))
    assert command, "the package is not installed beside this Python: pip install -e ."
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("edgy-tf ")


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


def test_codes_are_read_without_sound(
    recording: Path,
    tiny_release: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgy_tf import recognisers

    class Reader:
        name, reads = "reader", True

        def read(self, features: np.ndarray) -> str:
            return f"{features.shape[0]} frames of {features.shape[1]} bands"

    monkeypatch.setattr(recognisers, "open_recogniser", lambda name, release=None: Reader())
    release = ("--release", str(tiny_release))
    assert main(["encode", str(recording), str(tmp_path / "x.edgy"), *release]) == 0
    capsys.readouterr()
    assert main(["transcribe", str(tmp_path / "x.edgy"), *release]) == 0
    assert capsys.readouterr().out == "100 frames of 80 bands\n"
    refused(capsys, "transcribe", recording, *release)
