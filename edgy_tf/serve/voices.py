"""In whose voice to speak: nobody's, unless a person gave their own."""

from __future__ import annotations

import secrets

import numpy as np

from edgy_tf.decode import Decoder
from edgy_tf.decode.decoder import Floats
from edgy_tf.decode.voice import Voice
from edgy_tf.decode.voices import anonymous_voice, pseudonym
from edgy_tf.errors import CodebookMismatchError, ModelError
from edgy_tf.levels import Level
from edgy_tf.serve.refusals import NotFoundError, RefusalError
from edgy_tf.serve.store import VoiceStore

PSEUDONYM = "pseudonym:"
FAR = 10
"""Times the largest number in a voice of the release beyond which an embedding is no voice, and may overflow."""


class Voices:
    """All voices that a client may speak in.

    Args:
        decoder: of the release.
        store: of the voices that were enrolled.
    """

    def __init__(self, decoder: Decoder, store: VoiceStore) -> None:
        self._decoder = decoder
        self._store = store
        self._largest = FAR * max(float(np.abs(decoder.voice(name).embedding).max()) for name in decoder.voices)

    def check(self, embedding: Floats) -> Floats:
        """An embedding ``[dim]`` that came from outside, if it can be a voice.

        Raises:
            ModelError: it has another length, or numbers that no voice has.
        """
        dim = self._decoder.network.preset.speaker.dim
        if embedding.shape != (dim,) or not np.abs(embedding).max() <= self._largest:
            raise ModelError(
                f"a voice has {dim} numbers of size {self._largest:.3g} at most; make one with: edgy enrol"
            )
        return embedding

    def named(self, owner: str, name: str) -> Voice:
        """A voice of the release, ``anonymous``, ``pseudonym:NAME``, or the id of one that was enrolled.

        Raises:
            NotFoundError: the owner has none of that name.
            CodebookMismatchError: it was enrolled with another release.
        """
        if name == "anonymous":
            return anonymous_voice(self._decoder, secrets.randbits(64))
        if name.startswith(PSEUDONYM):
            return pseudonym(self._decoder, name.removeprefix(PSEUDONYM))
        if name in self._decoder.voices:
            return self._decoder.voice(name)
        try:
            voice = self._store.get(owner, name)
        except NotFoundError as error:
            known = ", ".join(["anonymous", f"{PSEUDONYM}NAME", *self._decoder.voices])
            raise NotFoundError(f"no voice '{name}'; choose {known} or one that you enrolled") from error
        if voice.codebook_id != self._decoder.network.codebook_id:
            raise CodebookMismatchError(f"voice '{name}' is of codebook {voice.codebook_id}; enrol it again")
        return Voice(voice.embedding)

    def of_level(self, owner: str, level: Level, name: str | None, sent: Floats | None) -> Voice:
        """The voice of a stream.

        Args:
            owner: whose the stream is.
            level: that the device chose.
            name: of a pseudonym, or id of an enrolled voice.
            sent: the voice that came in the stream, which counts at the level of identity alone.

        Raises:
            RefusalError: the level gives no speech, or needs a name.
            NotFoundError, CodebookMismatchError: as `named`.
            ModelError: the voice that came is none.
        """
        match level:
            case Level.ANONYMOUS:
                return self.named(owner, "anonymous")
            case Level.PSEUDONYM if name:
                return self.named(owner, PSEUDONYM + name)
            case Level.IDENTITY if name:
                return self.named(owner, name)
            case Level.IDENTITY if sent is not None:
                return Voice(self.check(sent))
        raise RefusalError(f"level '{level}' has no voice to speak in; choose anonymous, or name the voice")
