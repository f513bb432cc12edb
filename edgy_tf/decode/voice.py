"""Who speaks: an embedding that the decoder has learned, and the length of the vocal tract, which nobody learns.

A blend of embeddings leaves the spectral envelope to what the codes tell of the speaker, and who knows the system
learns to read it there. A tract of another length for each utterance stretches it along frequency, so that there is no
one envelope to learn. Stretching a spectrum by frequency: Lee and Rose 1996, "Speaker normalization using efficient
frequency warping procedures"; to hide who speaks: Qian et al. 2018, "Hidebehind".
"""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt

from edgy_tf.preset import FrontEnd

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Voice:
    """A voice of a decoder.

    Attributes:
        embedding: ``[dim]``.
        tract: length of the vocal tract, relative to the one heard in the embedding; above 1, formants lie lower. A
            WaveRNN, which makes sound without a spectrum, speaks as if it were 1.
    """

    embedding: Floats
    tract: float = 1.0


def in_tract(mel: Floats, tract: float, front_end: FrontEnd) -> Floats:
    """Log-mel ``[frames, mels]`` of the same speech from a vocal tract ``tract`` times as long."""
    return mel if tract == 1 else mel @ _stretched(tract, front_end)


def _stretched(tract: float, front_end: FrontEnd) -> Floats:
    """The matrix ``[mels, mels]`` that reads a spectrum between the centres of its mel bands; constant beyond them."""
    fe = front_end
    centres = librosa.mel_frequencies(fe.mels + 2, fmin=fe.fmin, fmax=fe.fmax)[1:-1]
    return np.array([np.interp(centres * tract, centres, band) for band in np.eye(fe.mels)], np.float32)
