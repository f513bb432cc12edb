"""Whole folders of recordings and streams."""

import shutil
from pathlib import Path

import pytest

from edgy_tf.cli.main import main
from edgy_tf.demo import SHIPPED
from edgy_tf.wire import read_stream


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two recordings in a tree, one that is none, and a file of another kind."""
    source = tmp_path / "in"
    (source / "a" / "b").mkdir(parents=True)
    shutil.copy(SHIPPED.audio, source / "one.flac")
    shutil.copy(SHIPPED.audio, source / "a" / "b" / "two.FLAC")
    (source / "a" / "broken.wav").write_bytes(b"no sound")
    (source / "a" / "notes.txt").write_text("not to be read")
    return source


def test_a_folder_is_encoded_again_and_again_until_all_is_there(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "in" / "streams"  # Inside of what is read.
    assert main(["encode", str(recordings), str(out)]) == 2
    said = capsys.readouterr()
    assert f"{recordings / 'a' / 'broken.wav'}: " in said.err
    assert "1 of 3 files failed" in said.err
    assert "2 files made" in said.out
    made = sorted(p.relative_to(out) for p in out.rglob("*") if p.is_file())
    assert made == [Path("a/b/two.edgy"), Path("one.edgy")]
    first = (out / "one.edgy").read_bytes()
    assert first == (out / "a" / "b" / "two.edgy").read_bytes()
    assert len(read_stream(out / "one.edgy").codes) == 312

    (out / "one.edgy").unlink()
    kept = (out / "a" / "b" / "two.edgy").stat().st_mtime_ns
    shutil.copy(SHIPPED.audio, recordings / "a" / "broken.wav")
    assert main(["encode", str(recordings), str(out)]) == 0
    assert "2 files made" in capsys.readouterr().out
    assert (out / "one.edgy").read_bytes() == first
    assert (out / "a" / "b" / "two.edgy").stat().st_mtime_ns == kept
    assert main(["encode", str(recordings), str(out)]) == 0
    assert "0 files made" in capsys.readouterr().out


@pytest.mark.usefixtures("ray_cluster")
def test_a_folder_is_encoded_on_a_cluster(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # Workers have another working directory.
    assert main(["encode", "in", "out", "--ray", "auto"]) == 2
    said = capsys.readouterr()
    assert f"{Path('in') / 'a' / 'broken.wav'}: " in said.err
    assert "2 files made" in said.out
    assert len(read_stream(tmp_path / "out" / "one.edgy").codes) == 312
    kept = (tmp_path / "out" / "one.edgy").stat().st_mtime_ns
    (recordings / "a" / "broken.wav").unlink()
    assert main(["encode", "in", "out", "--ray", "auto"]) == 0
    assert "0 files made" in capsys.readouterr().out
    assert (tmp_path / "out" / "one.edgy").stat().st_mtime_ns == kept


def test_two_files_that_would_become_one_are_refused(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(SHIPPED.audio, recordings / "one.wav")
    assert main(["encode", str(recordings), str(tmp_path / "out")]) == 2
    assert "would both become" in capsys.readouterr().err
    assert main(["decode", str(recordings), str(tmp_path / "out")]) == 2
    assert "no file to work on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_is_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import wave

    # On one core: TensorFlow takes seconds to start, and two processes are tested above.
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    assert main(["encode", str(SHIPPED.audio), str(source / "x.edgy")]) == 0
    (source / "y.edgy").write_bytes((source / "x.edgy").read_bytes()[:-1])
    assert main(["decode", str(source), str(out), "--voice", "F1"]) == 2
    assert "y.edgy: the stream is truncated" in capsys.readouterr().err
    with wave.open(str(out / "x.wav")) as speech:
        assert speech.getnframes() == 99680
    assert len(list(out.iterdir())) == 1
