"""A release of ours as a system: codes on the wire, and in the cloud a vocoder, another one, or none."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from typing import Any

from edgy_tf.corpora import Utterance
from edgy_tf.releases import find_release
from edgy_tf.wire import Prior, StreamHeader, StreamWriter
from edgy_tf.wire.packets import MAX_CODES
from evaluation.systems.base import Codes, Floats, Pcm, Processed, fit, seed_of
from pi_runtime import EdgeEncoder

VOCODERS = {"edgy-wavernn": "wavernn", "edgy-mel": "griffin-lim", "edgy-codes": None}
"""What makes sound of a release's codes, by the name of the system; ``edgy`` takes what the release does by itself."""

SPEAKING = {"griffin-lim": 2}
"""Counts up where the same codes of a release are spoken otherwise than before, for the cache goes by it."""


class Edgy:
    """A release; its bits are those of the whole stream, entropy-coded where constriction is installed."""

    def __init__(self, name: str, release: str, variant: str, seed: int) -> None:
        found = find_release(release)
        found.verify()  # The cache goes by the hashes that the release declares.
        entropy = find_spec("constriction") is not None
        self.name = name
        self._seed = seed
        self._encoder = EdgeEncoder(found.encoder(variant))
        self._prior = Prior(found.codebook_id, found.counts()) if entropy else None
        info = self._encoder.info
        self._header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
        self._folder = found.folder
        self._vocoder = VOCODERS.get(name, found.vocoder)
        speaking = SPEAKING.get(self._vocoder or "", 1)
        self.settings = json.dumps([found.files, variant, seed, entropy, speaking], sort_keys=True)

    @property
    def words(self) -> Callable[[Codes], Floats] | None:
        """As `System` has it; the codes are those of ``edgy``, so where others speak them they are not read again."""
        return self._decoder.words if self.name in ("edgy", "edgy-codes") and self._decoder.has_words else None

    @functools.cached_property
    def _decoder(self) -> Any:
        # Not before it is needed: TensorFlow takes seconds and half a gigabyte.
        from edgy_tf.decode import Decoder

        return Decoder.from_release(self._folder)

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        """As `System` has it."""
        codes = self._encoder.encode(pcm)
        writer = StreamWriter(BytesIO(), self._header, MAX_CODES, self._prior)
        writer.write(codes)
        writer.close(len(pcm))
        seed = seed_of(self._seed, utterance, pcm)
        audio = fit(self._speech(codes, seed), len(pcm)) if self._vocoder else None
        return Processed(audio, codes, 8 * writer.bytes_written)

    def _speech(self, codes: Codes, seed: int) -> Floats:
        from edgy_tf.decode.voices import anonymous_voice

        return self._decoder.decode(codes, anonymous_voice(self._decoder, seed), seed, self._vocoder)
