"""Corpora: folders of speech, their speakers and labels, and the sound files in them."""

from edgy_tf.corpora.audio import read_audio, read_pcm16, to_float32, to_pcm16, write_wav
from edgy_tf.corpora.base import Corpus, Split, Utterance, hold_out, load, some_speech
from edgy_tf.corpora.layouts import open_corpus

__all__ = [
    "Corpus",
    "Split",
    "Utterance",
    "hold_out",
    "load",
    "open_corpus",
    "read_audio",
    "read_pcm16",
    "some_speech",
    "to_float32",
    "to_pcm16",
    "write_wav",
]
