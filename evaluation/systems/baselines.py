"""What a reader may compare a release with: speech as it is, an anonymiser without training, and plain codecs."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np

from edgy_tf.corpora import Utterance, to_float32, to_pcm16
from edgy_tf.corpora.audio import SAMPLE_RATE
from edgy_tf.errors import MissingDependencyError
from evaluation.systems.base import Floats, Pcm, Processed, Wordless, fit, seed_of
from evaluation.systems.mcadams import mcadams

COEFFICIENTS = (0.5, 0.9)
"""Range of the McAdams coefficient in the VoicePrivacy challenges."""
OPUS_BITS, CODEC2_BITS = 6000, 700
"""Bits per second: the lowest that Opus is specified for (RFC 6716, section 2.1.1) and that Codec 2 offers."""
_OPUS_RATE = 48000  # FFmpeg's decoder knows no other.
_CODEC2_RATE = 8000


class Raw(Wordless):
    """Speech as it is, in 16-bit samples."""

    name = "raw"
    settings = ""

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """As `System` has it."""
        return Processed(to_float32(pcm), None, 16 * len(pcm))


class McAdams(Wordless):
    """Anonymised on the device, and sent as 16-bit samples."""

    name = "mcadams"

    def __init__(self, seed: int) -> None:
        self.settings = json.dumps([COEFFICIENTS, seed])
        self._seed = seed

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """As `System` has it."""
        alpha = np.random.default_rng(seed_of(self._seed, utterance, pcm)).uniform(*COEFFICIENTS)
        return Processed(np.clip(mcadams(to_float32(pcm), alpha), -1, 1), None, 16 * len(pcm))


class Opus(Wordless):
    """Opus for speech, 20 ms a packet; its bits are those of the packets, without a container."""

    name = "opus"

    def __init__(self) -> None:
        _require("opus", "av")
        self.settings = json.dumps([OPUS_BITS, version("av")])

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """As `System` has it."""
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
        return Processed(fit(heard, len(pcm)), None, 8 * sum(packet.size for packet in packets))


class Codec2(Wordless):
    """Codec 2 (Rowe), 40 ms a frame.

    Its decoder draws phases from a generator that nothing seeds, so equal bits only *sound* equal.
    """

    name = "codec2"

    def __init__(self) -> None:
        _require("codec2", "pycodec2")
        self.settings = json.dumps([CODEC2_BITS, version("pycodec2")])

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """As `System` has it."""
        import pycodec2

        codec = pycodec2.Codec2(CODEC2_BITS)
        narrow = to_pcm16(_resample(to_float32(pcm), SAMPLE_RATE, _CODEC2_RATE))
        sent = [codec.encode(frame) for frame in _frames(narrow, codec.samples_per_frame())]
        speech = np.concatenate([np.zeros(0, np.int16), *(codec.decode(frame) for frame in sent)])
        heard = _resample(to_float32(speech), _CODEC2_RATE, SAMPLE_RATE)
        return Processed(fit(heard, len(pcm)), None, len(sent) * codec.bits_per_frame())


def _frames(pcm: Pcm, length: int) -> Pcm:
    """Samples as frames, ``[frames, length]``; the last one ends in silence."""
    return np.pad(pcm, (0, -len(pcm) % length)).reshape(-1, length)


def _resample(samples: Floats, old: int, new: int) -> Floats:
    return np.asarray(import_module("soxr").resample(samples, old, new), np.float32)


def _require(name: str, module: str) -> None:
    if find_spec(module) is None:
        raise MissingDependencyError(f"{name} needs {module}; run: pip install 'edgy-tf[eval]'")
