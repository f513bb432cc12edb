"""Everything that the audit compares, behind one interface, from plain speech to a release in a new voice each time.

What is random about a system (a coefficient, a voice) is drawn anew for each utterance, from a seed and the SHA-256 of
its source, speaker, file name and samples: the same on every machine and in any order, wherever the corpus lies.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf import __version__
from edgy_tf.corpora import Corpus, Utterance, load, to_float32, to_pcm16
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.errors import EdgyError, MissingDependencyError
from edgy_tf.releases import find_release
from edgy_tf.weights import atomic_file
from edgy_tf.wire import Prior, StreamHeader, StreamWriter
from edgy_tf.wire.packets import MAX_CODES
from evaluation.mcadams import mcadams
from pi_runtime import EdgeEncoder

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]
Pcm = npt.NDArray[np.int16]

COEFFICIENTS = (0.5, 0.9)
"""Range of the McAdams coefficient in the VoicePrivacy challenges."""
OPUS_BITS, CODEC2_BITS = 6000, 700
"""Bits per second: the lowest that Opus is specified for (RFC 6716, section 2.1.1) and that Codec 2 offers."""
VOCODERS = {"edgy": "wavernn", "edgy-mel": "griffin-lim", "edgy-codes": None}
"""What makes sound of a release's codes, by the name of the system."""
SYSTEMS = ("raw", "mcadams", "opus", "codec2", *VOCODERS)
"""What `open_systems` can open."""
_OPUS_RATE = 48000  # FFmpeg's decoder knows no other.
_CODEC2_RATE = 8000


@dataclass(frozen=True, eq=False)
class Processed:
    """One utterance after a system.

    Attributes:
        audio: what is heard in the cloud, float32 ``[n]`` in [-1, 1] at 16 kHz, as long as the utterance; None from a
            system that stops at the codes.
        codes: what was sent, int32 ``[m]``; None from a system without codes.
        bits: that left the device for this utterance.
    """

    audio: Floats | None
    codes: Codes | None
    bits: int


class System(Protocol):
    """What may happen to speech between the microphone and the cloud.

    Attributes:
        name: what `open_systems` opens it by.
        settings: all that its results depend on besides the utterance; it tells cached results apart.
        words: codes ``[n]`` to features ``[T, 80]`` that a recogniser can read without any sound (see
            `edgy_tf.decode.Decoder.words`); None where a system has no such way.
    """

    name: str
    settings: str
    words: Callable[[Codes], Floats] | None

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """Process an utterance's samples ``[n]`` at 16 kHz; equal calls give equal results, but for Codec 2."""


def open_systems(names: Iterable[str], release: str = "pi", variant: str = "int8", seed: int = 0) -> list[System]:
    """Open systems by name, in the order of the names.

    Args:
        names: ``raw``, speech as it is; ``mcadams``, the baseline B2 of the VoicePrivacy challenges, its coefficient
            drawn for each utterance; ``opus`` and ``codec2``, codecs at their lowest rates, which hide nothing;
            ``edgy``, a release heard in an anonymous voice, drawn for each utterance; ``edgy-mel``, the same with
            Griffin and Lim's algorithm in place of the WaveRNN, fast and hoarse; ``edgy-codes``, its codes alone.
        release: an installed release, or a folder that ``edgy export`` wrote.
        variant: its encoder.
        seed: of everything that is drawn.

    Raises:
        EdgyError: no such system, release or variant, or a file of the release was changed.
        MissingDependencyError: a codec is not installed.
    """
    makers: dict[str, Callable[[], System]] = {
        "raw": _Raw,
        "mcadams": lambda: _McAdams(seed),
        "opus": _Opus,
        "codec2": _Codec2,
        **{name: lambda name=name: _Edgy(name, release, variant, seed) for name in VOCODERS},  # type: ignore[misc]
    }
    names = list(names)
    if unknown := [name for name in names if name not in makers]:
        raise EdgyError(f"no system '{unknown[0]}'; choose from {', '.join(makers)}")
    return [makers[name]() for name in names]


def process_corpus(system: System, corpus: Corpus, cache: Path) -> Iterator[tuple[Utterance, Processed]]:
    """Process every utterance, or take what the cache has of it; stop at any time and go on later.

    Sound is rounded to 16 bits, as it would be in a file. A file that cannot be read is left out and recorded in
    ``corpus.skipped``, as ``corpora.load`` does. Begin a new cache after the code of a system changed: the cache goes
    by settings, files of the release, content and the version of this package.

    Args:
        system: what to run.
        corpus: what to run it on, in its order.
        cache: folder for the results, one file for each utterance; it is made if missing and may be shared.

    Raises:
        ModelError: the cache cannot be written to.
    """
    folder = cache / system.name
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(desc=system.name, total=len(corpus.utterances), unit="utterance") as bar:
        for utterance, pcm in load(corpus, lambda done, _: bar.update(done - bar.n)):
            about = json.dumps([__version__, system.name, system.settings])
            path = folder / f"{hashlib.sha256(about.encode() + _digest(utterance, pcm)).hexdigest()}.npz"
            if (processed := _read(path)) is None:
                _write(path, system.process(utterance, pcm))
                processed = _read(path)
            assert processed is not None
            yield utterance, processed


def _digest(utterance: Utterance, pcm: Pcm) -> bytes:
    """What tells an utterance from all others; not its folder, or a corpus that moved would get other voices."""
    about = json.dumps([utterance.source, utterance.speaker, utterance.path.name])
    return hashlib.sha256(about.encode() + pcm.tobytes()).digest()


def _seed(seed: int, utterance: Utterance, pcm: Pcm) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:".encode() + _digest(utterance, pcm)).digest()[:4])


def _read(path: Path) -> Processed | None:
    """A cached result; None if there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            audio = to_float32(archive["audio"]) if "audio" in archive else None
            return Processed(audio, archive.get("codes"), int(archive["bits"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, processed: Processed) -> None:
    arrays = {"bits": np.array(processed.bits)}
    if processed.audio is not None:
        arrays["audio"] = to_pcm16(processed.audio)
    if processed.codes is not None:
        arrays["codes"] = processed.codes
    with atomic_file(path) as file:
        np.savez(file, **arrays)


class _Wordless:
    words: Callable[[Codes], Floats] | None = None


class _Raw(_Wordless):
    name = "raw"
    settings = ""

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        return Processed(to_float32(pcm), None, 16 * len(pcm))


class _McAdams(_Wordless):
    """Anonymised on the device, and sent as 16-bit samples."""

    name = "mcadams"

    def __init__(self, seed: int) -> None:
        self.settings = json.dumps([COEFFICIENTS, seed])
        self._seed = seed

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        alpha = np.random.default_rng(_seed(self._seed, utterance, pcm)).uniform(*COEFFICIENTS)
        return Processed(np.clip(mcadams(to_float32(pcm), alpha), -1, 1), None, 16 * len(pcm))


class _Opus(_Wordless):
    """Opus for speech, 20 ms a packet; its bits are those of the packets, without a container."""

    name = "opus"

    def __init__(self) -> None:
        _require("opus", "av")
        self.settings = json.dumps([OPUS_BITS, version("av")])

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        import av

        encoder = av.AudioCodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
        encoder.bit_rate, encoder.options = OPUS_BITS, {"application": "voip"}
        encoder.open()
        packets = []
        for samples in _frames(pcm, encoder.frame_size):
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
        # The encoder's delay is in its extra data; with it the decoder gives back what is aligned with the input.
        decoder = av.AudioCodecContext.create("libopus", "r")
        decoder.sample_rate, decoder.layout, decoder.extradata = _OPUS_RATE, "mono", encoder.extradata
        sound = [frame.to_ndarray()[0] for packet in (*packets, None) for frame in decoder.decode(packet)]
        speech = np.concatenate([np.zeros(0, np.int16), *sound])
        heard = _resample(to_float32(speech), _OPUS_RATE, SAMPLE_RATE)
        return Processed(_fit(heard, len(pcm)), None, 8 * sum(packet.size for packet in packets))


class _Codec2(_Wordless):
    """Codec 2 (Rowe), 40 ms a frame.

    Its decoder draws phases from a generator that nothing seeds, so equal bits only *sound* equal.
    """

    name = "codec2"

    def __init__(self) -> None:
        _require("codec2", "pycodec2")
        self.settings = json.dumps([CODEC2_BITS, version("pycodec2")])

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        import pycodec2

        codec = pycodec2.Codec2(CODEC2_BITS)
        narrow = to_pcm16(_resample(to_float32(pcm), SAMPLE_RATE, _CODEC2_RATE))
        sent = [codec.encode(frame) for frame in _frames(narrow, codec.samples_per_frame())]
        speech = np.concatenate([np.zeros(0, np.int16), *(codec.decode(frame) for frame in sent)])
        heard = _resample(to_float32(speech), _CODEC2_RATE, SAMPLE_RATE)
        return Processed(_fit(heard, len(pcm)), None, len(sent) * codec.bits_per_frame())


class _Edgy(_Wordless):
    """A release; its bits are those of the whole stream, entropy-coded where constriction is installed."""

    def __init__(self, name: str, release: str, variant: str, seed: int) -> None:
        found = find_release(release)
        found.verify()  # The cache goes by the hashes that the release declares.
        entropy = find_spec("constriction") is not None
        self.name = name
        self.settings = json.dumps([found.files, variant, seed, entropy], sort_keys=True)
        self._seed = seed
        self._encoder = EdgeEncoder(found.encoder(variant))
        self._prior = Prior(found.codebook_id, found.counts()) if entropy else None
        info = self._encoder.info
        self._header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
        if VOCODERS[name]:  # TensorFlow takes seconds and half a gigabyte.
            from edgy_tf.decode import Decoder

            self._decoder = Decoder.from_release(found.folder)
            if VOCODERS[name] == "wavernn" and self._decoder.has_words:
                self.words = self._decoder.words

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        codes = self._encoder.encode(pcm)
        writer = StreamWriter(BytesIO(), self._header, MAX_CODES, self._prior)
        writer.write(codes)
        writer.close(len(pcm))
        seed = _seed(self._seed, utterance, pcm)
        audio = _fit(self._speech(codes, seed), len(pcm)) if VOCODERS[self.name] else None
        return Processed(audio, codes, 8 * writer.bytes_written)

    def _speech(self, codes: Codes, seed: int) -> Floats:
        from edgy_tf.decode.voices import anonymous_voice

        voice = anonymous_voice(self._decoder, seed)
        if VOCODERS[self.name] == "wavernn" or not len(codes):  # Griffin and Lim's fails on nothing.
            return self._decoder.decode(codes, voice, seed)
        from evaluation.vocoder import griffin_lim

        return griffin_lim(self._decoder.mel(codes, voice), self._decoder.network.preset.front_end)


def _frames(pcm: Pcm, length: int) -> Pcm:
    """Samples as frames, ``[frames, length]``; the last one ends in silence."""
    return np.pad(pcm, (0, -len(pcm) % length)).reshape(-1, length)


def _fit(speech: Floats, samples: int) -> Floats:
    """Speech cut, or filled up with silence, to ``samples``, and clipped to [-1, 1]."""
    return np.clip(np.pad(speech[:samples], (0, max(0, samples - len(speech)))), -1, 1)


def _resample(samples: Floats, old: int, new: int) -> Floats:
    return np.asarray(import_module("soxr").resample(samples, old, new), np.float32)


def _require(name: str, module: str) -> None:
    if find_spec(module) is None:
        raise MissingDependencyError(f"{name} needs {module}; run: pip install 'edgy-tf[eval]'")
