"""Opens a folder of speech, whichever of the known layouts it has."""

import os
from pathlib import Path

from edgy_tf.corpora import iemocap, librispeech, manifest, ravdess, voxceleb
from edgy_tf.corpora.base import Corpus
from edgy_tf.errors import CorpusError

ADAPTERS = (manifest, librispeech, voxceleb, ravdess, iemocap)


def open_corpus(folder: str | os.PathLike[str]) -> Corpus:
    """Open a folder of speech, recognising its layout.

    Raises:
        CorpusError: the folder is missing, in no supported layout, has no speech, or has a damaged manifest.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; give the folder that holds the corpus")
    for adapter in ADAPTERS:
        if adapter.recognises(folder):
            corpus = adapter.read(folder)
            if not corpus.utterances:
                raise CorpusError(f"{folder}: has no speech; expected {adapter.LAYOUT}")
            return corpus
    layouts = "; ".join(adapter.LAYOUT for adapter in ADAPTERS)
    raise CorpusError(f"{folder}: no supported layout found; supported are {layouts}")
