import contextlib
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgy_tf.corpora import read_audio, read_pcm16, to_pcm16, write_wav
from edgy_tf.errors import AudioError, EdgyError, MissingDependencyError

from .conftest import JPEG


def frequency(samples: np.ndarray, rate: int = 16000) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.wav", {}),
        ("8bit.wav", {"subtype": "PCM_U8"}),
        ("24bit.wav", {"subtype": "PCM_24"}),
        ("float.wav", {"subtype": "FLOAT"}),
        ("stereo.wav", {"channels": 2}),
        ("cd.wav", {"rate": 44100, "channels": 2}),
        ("phone.wav", {"rate": 8000, "subtype": "ULAW"}),
        ("plain.flac", {}),
        ("studio.flac", {"rate": 48000, "subtype": "PCM_24"}),
        ("lossy.mp3", {"rate": 44100}),
        ("lossy.opus", {"rate": 48000, "format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_a_tone_comes_back_from_every_kind_of_file(
    tmp_path: Path, write_tone: Callable[..., Path], name: str, how: dict[str, Any]
) -> None:
    samples = read_audio(write_tone(tmp_path / name, seconds=0.5, **how))
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(8000, abs=1 if "lossy" not in name else 1500)
    assert frequency(samples) == pytest.approx(440, abs=4)
    assert np.abs(samples[2000:6000]).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050])
def test_resampling_keeps_the_frequency(tmp_path: Path, write_tone: Callable[..., Path], sample_rate: int) -> None:
    samples = read_audio(write_tone(tmp_path / "tone.wav", rate=44100, seconds=1), sample_rate)
    assert len(samples) == sample_rate
    assert frequency(samples, sample_rate) == pytest.approx(440, abs=1)


def test_stereo_is_the_mean_of_its_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.tile([0.5, 0.25], (100, 1)), 16000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "stereo.wav"), np.full(100, 0.375, np.float32))


@pytest.mark.parametrize("name", ["all.wav", "all.flac"])
def test_every_16_bit_value_is_read_exactly(tmp_path: Path, name: str) -> None:
    stored = np.arange(-32768, 32768).astype(np.int16)
    soundfile.write(tmp_path / name, stored, 16000)
    np.testing.assert_array_equal(read_pcm16(tmp_path / name), stored)


@settings(deadline=None)  # Files are slow at times.
@given(hnp.arrays(np.int16, st.integers(1, 64)))
def test_written_samples_are_read_back(tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "samples.wav"
    write_wav(path, samples)
    np.testing.assert_array_equal(read_pcm16(path), samples)


def test_float_samples_are_rounded_and_clipped() -> None:
    samples = np.array([-2, -1, -0.5, 0.4 / 32768, 0.6 / 32768, 1, 2], np.float32)
    assert to_pcm16(samples).tolist() == [-32768, -32768, -16384, 0, 1, 32767, 32767]


def test_float_files_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", np.array([3.0, -3.0]), 16000, subtype="FLOAT")
    assert read_audio(tmp_path / "loud.wav").tolist() == [1, -1]


def write_float(path: Path, values: list[float]) -> None:
    soundfile.write(path, np.array(values, np.float32), 16000, subtype="FLOAT")


def write_rate(path: Path, rate: int) -> None:
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, rate, 0, "NONE", ""))
        wav.writeframes(bytes(2000))


def write_cut_flac(path: Path) -> None:
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 16000), 16000, format="FLAC")
    path.write_bytes(path.read_bytes()[:9000])


BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda path: None, "cannot be opened (No such file or directory); give a sound file"),
    "folder": (Path.mkdir, "cannot be opened (Is a directory); give a sound file"),
    "no bytes": (Path.touch, "has 0 bytes; copy or record it again"),
    "no samples": (lambda path: write_float(path, []), "has no samples; record it again"),
    "JPEG": (lambda path: path.write_bytes(JPEG), "cannot be read as audio (Format not recognised)"),
    "text": (lambda path: path.write_text("hello"), "cannot be read as audio"),
    "NaN": (lambda path: write_float(path, [0, np.nan]), "has NaN or infinite samples; export it again"),
    "infinite": (lambda path: write_float(path, [0, np.inf]), "has NaN or infinite samples; export it again"),
    "cut FLAC": (write_cut_flac, "cannot be read as audio (flac decoder lost sync)"),
    "1 Hz": (lambda path: write_rate(path, 1), "claims 1 samples per second; export it again"),
}


@pytest.mark.parametrize("case", BAD)
def test_unusable_files_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    path = tmp_path / "bad.wav"
    make, message = BAD[case]
    make(path)
    with pytest.raises(AudioError) as raised:
        read_audio(path)
    assert str(raised.value).startswith(f"{path}: {message}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("path", ["a" * 5000, "a\0b"])
def test_an_impossible_path_is_refused(path: str) -> None:
    with pytest.raises(AudioError, match="cannot be opened"):
        read_audio(path)


def test_a_headerless_raw_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "samples.raw").write_bytes(bytes(100))
    with pytest.raises(AudioError, match="convert it to WAV or FLAC"):
        read_audio(tmp_path / "samples.raw")


@settings(deadline=None)  # Files are slow at times.
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    write_wav(path, np.zeros(50, np.int16))
    content = bytearray(path.read_bytes())
    for position, value in data.draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=5)):
        content[position] = value
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with_soundfile = data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        if not with_soundfile:
            patch.setitem(sys.modules, "soundfile", None)
        # Any other exception fails the test.
        with contextlib.suppress(AudioError if with_soundfile else EdgyError):
            assert len(read_audio(path)) > 0


class TestWithoutOptionalPackages:
    @pytest.fixture(autouse=True)
    def _hide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "soxr", None)

    @pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32"])
    @pytest.mark.parametrize("channels", [1, 2])
    def test_plain_wav_is_read_the_same(
        self,
        tmp_path: Path,
        write_tone: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
        subtype: str,
        channels: int,
    ) -> None:
        path = write_tone(tmp_path / "tone.wav", subtype=subtype, channels=channels)
        expected = read_audio(path)
        monkeypatch.setitem(sys.modules, "soundfile", None)
        np.testing.assert_array_equal(read_audio(path), expected)

    @pytest.mark.parametrize(("name", "subtype"), [("tone.flac", "PCM_16"), ("tone.wav", "FLOAT")])
    def test_other_files_name_the_extra(
        self,
        tmp_path: Path,
        write_tone: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        subtype: str,
    ) -> None:
        path = write_tone(tmp_path / name, subtype=subtype)
        monkeypatch.setitem(sys.modules, "soundfile", None)
        with pytest.raises(MissingDependencyError, match=r"pip install edgy-tf\[audio\]"):
            read_audio(path)

    def test_another_rate_names_the_extra(self, tmp_path: Path, write_tone: Callable[..., Path]) -> None:
        path = write_tone(tmp_path / "tone.wav", rate=44100)
        with pytest.raises(MissingDependencyError, match=r"44100 Hz .* pip install edgy-tf\[audio\]"):
            read_audio(path)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 10)), "one channel"),
        (np.zeros(10, np.int32), "int16 or float"),
        (np.array([0, np.nan]), "NaN or infinity"),
    ],
)
def test_unusable_samples_are_not_written(tmp_path: Path, samples: np.ndarray, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        write_wav(tmp_path / "out.wav", samples)
    assert list(tmp_path.iterdir()) == []


def test_writing_needs_the_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="create the folder"):
        write_wav(tmp_path / "missing" / "out.wav", np.zeros(10))


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "out.wav", np.zeros(10))
    before = (tmp_path / "out.wav").read_bytes()

    def full(self: wave.Wave_write, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    with pytest.raises(AudioError, match="cannot be written: No space left on device"):
        write_wav(tmp_path / "out.wav", np.ones(10))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]
