"""The commands in the order in which a project meets them."""

import shutil
import subprocess
import sys
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cli.main import COMMANDS, main
from edgy_tf.releases import find_release
from edgy_tf.wire import read_stream
from tests.edgy_tf.cli.refusals import refused


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


def test_the_installed_command_runs() -> None:
    command = shutil.which("edgy", path=str(Path(sys.executable).parent))
    assert command, "the package is not installed beside this Python: pip install -e ."
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("edgy-tf ")


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
