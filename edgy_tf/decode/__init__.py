"""The cloud's side: codes to mel or speech in a chosen voice, at full precision."""

from edgy_tf.decode.decoder import Decoder
from edgy_tf.decode.voice import Voice

__all__ = ["Decoder", "Voice"]
