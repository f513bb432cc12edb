"""Sources give the sound they have, and say so when it stops; the devices are simulated, sockets and pipes are real."""

import os
import socket
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.audio import AudioChunk
from wyoming.event import write_event
from wyoming.ping import Ping

from edgy_tf.corpora import write_wav
from edgy_tf.errors import AudioError, MissingDependencyError, SourceError
from pi_runtime.node import sources
from pi_runtime.node.sources import Microphone, SoundFile, Source, StandardInput, WyomingMicrophone, open_source


def heard(source: Source) -> np.ndarray:
    return np.concatenate([np.empty(0, np.int16), *source.chunks(threading.Event())])


@pytest.fixture
def pcm() -> np.ndarray:
    return np.random.default_rng(0).integers(-30000, 30000, 20001).astype(np.int16)


def test_files_of_any_kind_are_heard_whole(tmp_path: Path, pcm: np.ndarray) -> None:
    import soundfile

    write_wav(tmp_path / "plain.wav", pcm)
    np.testing.assert_array_equal(heard(SoundFile(tmp_path / "plain.wav")), pcm)
    soundfile.write(tmp_path / "stereo.flac", np.stack([pcm, pcm], 1), 16000)
    np.testing.assert_array_equal(heard(SoundFile(tmp_path / "stereo.flac")), pcm)
    soundfile.write(tmp_path / "other.wav", pcm, 48000)
    assert len(heard(SoundFile(tmp_path / "other.wav"))) == pytest.approx(len(pcm) / 3, abs=2)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("hello")
    with pytest.raises(AudioError):
        heard(SoundFile(tmp_path / "x.wav"))


def test_a_source_stops_when_told(tmp_path: Path, pcm: np.ndarray) -> None:
    write_wav(tmp_path / "x.wav", pcm)
    stop = threading.Event()
    chunks = SoundFile(tmp_path / "x.wav").chunks(stop)
    next(chunks)
    stop.set()
    assert list(chunks) == []
    reader, writer = os.pipe()
    assert list(StandardInput(reader).chunks(stop)) == []  # though nobody writes
    os.close(reader)
    os.close(writer)


def test_standard_input_in_pieces_of_odd_length(pcm: np.ndarray) -> None:
    reader, writer = os.pipe()
    data = pcm.tobytes()

    def write() -> None:
        for start in range(0, len(data), 777):
            os.write(writer, data[start : start + 777])
        os.write(writer, b"\x00")  # half a sample, cut off
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    np.testing.assert_array_equal(heard(StandardInput(reader)), pcm)
    thread.join()
    os.close(reader)


class Device(types.ModuleType):
    """sounddevice with a microphone that can be pulled out."""

    class PortAudioError(Exception):
        pass

    def __init__(self, sound: list[bytes], error: Exception | None = None) -> None:
        super().__init__("sounddevice")
        self.asked: dict[str, Any] = {}
        device = self

        class RawInputStream:
            def __init__(self, callback: Callable[..., None], **options: Any) -> None:
                device.asked = options
                self._callback = callback
                if error:
                    raise error

            def __enter__(self) -> None:
                for data in sound:
                    self._callback(data, len(data) // 2, None, None)

            def __exit__(self, *args: object) -> None: ...

        self.RawInputStream = RawInputStream
        self.listed = 0

    def _terminate(self) -> None: ...

    def _initialize(self) -> None:
        self.listed += 1


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Device], Device]]:
    monkeypatch.setattr(sources, "SILENCE_S", 0.05)

    def into(device: Device) -> Device:
        monkeypatch.setitem(sys.modules, "sounddevice", device)
        return device

    return into  # type: ignore[return-value]


def test_a_microphone_gives_its_sound_until_it_is_pulled_out(plug: Callable[[Device], Device], pcm: np.ndarray) -> None:
    device = plug(Device([pcm[:10000].tobytes(), pcm[10000:].tobytes()]))
    source, got = Microphone("USB"), []

    def listen() -> None:
        for chunk in source.chunks(threading.Event()):
            got.append(chunk)

    with pytest.raises(SourceError, match="plugged in"):
        listen()
    np.testing.assert_array_equal(np.concatenate(got), pcm)
    assert (device.asked["samplerate"], device.asked["channels"], device.asked["device"]) == (16000, 1, "USB")
    with pytest.raises(SourceError):
        listen()
    assert device.listed == 2  # or one that was plugged in again would not be seen


@pytest.mark.parametrize(
    "error", [Device.PortAudioError("Invalid sample rate\n[-9997]"), ValueError("No input device")]
)
def test_a_microphone_that_cannot_be_opened_is_one_line(plug: Callable[[Device], Device], error: Exception) -> None:
    plug(Device([], error))
    with pytest.raises(SourceError, match="no microphone") as caught:
        heard(Microphone())
    assert "\n" not in str(caught.value)


def test_more_sound_than_the_machine_can_take_is_told_once(
    plug: Callable[[Device], Device], caplog: pytest.LogCaptureFixture
) -> None:
    plug(Device([b"\x00\x00"] * 150))
    with pytest.raises(SourceError):
        heard(Microphone())
    assert caplog.text.count("encodes too slowly") == 1


def test_without_sounddevice_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingDependencyError, match="libportaudio2"):
        heard(Microphone())


def test_a_wyoming_microphone_is_heard_until_it_hangs_up(pcm: np.ndarray) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("wb") as writer:
                write_event(Ping().event(), writer)
                write_event(AudioChunk(16000, 2, 1, pcm.tobytes()).event(), writer)

        thread = threading.Thread(target=serve)
        thread.start()
        chunks = WyomingMicrophone(f"tcp://127.0.0.1:{server.getsockname()[1]}").chunks(threading.Event())
        np.testing.assert_array_equal(next(chunks), pcm)
        with pytest.raises(SourceError, match="closed"):
            next(chunks)
        thread.join()
        address = server.getsockname()
    with pytest.raises(SourceError, match="no microphone at"):
        heard(WyomingMicrophone(f"tcp://127.0.0.1:{address[1]}"))


def test_names_of_sources() -> None:
    kinds = {"microphone": Microphone, "microphone:USB": Microphone, "tcp://x:1": WyomingMicrophone, "a.wav": SoundFile}
    assert {name: type(open_source(name)) for name in kinds} == kinds
