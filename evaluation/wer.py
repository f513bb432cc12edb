"""How many words survive: WER of raw speech, of the decoder's speech, and of the mel head alone.

    python -m evaluation.wer --release pi --corpus CORPUS --source librispeech --voice M1 --count 60

The mel head is made audible by Griffin and Lim's algorithm: what it loses, the codes have lost; what the WaveRNN loses
beyond that is the WaveRNN's own.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import scipy.signal
from tqdm import tqdm

from edgy_tf.cli.arguments import positive
from edgy_tf.corpora import Corpus, load, open_corpus, to_float32
from edgy_tf.decode import Decoder
from edgy_tf.errors import CorpusError
from edgy_tf.frontend import mel_filters
from edgy_tf.preset import FrontEnd
from evaluation.metrics import bootstrap
from evaluation.recognisers import open_recogniser
from evaluation.text import word_errors
from pi_runtime import EdgeEncoder

Floats = npt.NDArray[np.float32]


def main() -> None:
    """Print a row per path, and write the transcripts of every utterance where asked."""
    parser = argparse.ArgumentParser(description="Word error rates of a release on unseen speakers.")
    parser.add_argument("--release", default="pi")
    parser.add_argument("--variant", default="int8")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--source", help="only this source of the corpus")
    parser.add_argument("--voice", help="voice to decode in (default: the release's)")
    parser.add_argument("--recogniser", default="auto")
    parser.add_argument("--count", type=positive, default=60)
    parser.add_argument("--tsv", type=Path, help="write every transcript here")
    args = parser.parse_args()
    unseen = open_corpus(args.corpus).select(split="test", source=args.source)
    spoken = [u for u in unseen.utterances if u.transcript]
    if not spoken:
        raise CorpusError("no test utterances with transcripts in that corpus")
    chosen = Corpus(spoken[:: max(1, len(spoken) // args.count)][: args.count], unseen.skipped)
    recogniser = open_recogniser(args.recogniser)
    encoder = EdgeEncoder.from_release(args.release, args.variant)
    decoder = Decoder.from_release(args.release)
    voice = decoder.voice(args.voice)
    front_end = decoder.network.preset.front_end
    paths: dict[str, Callable[[npt.NDArray[np.int16]], Floats]] = {
        "raw speech": to_float32,
        "decoded by the WaveRNN": lambda pcm: decoder.decode(encoder.encode(pcm), voice),
        "mel head, Griffin-Lim": lambda pcm: griffin_lim(decoder.mel(encoder.encode(pcm), voice), front_end),
    }
    speakers, references = [], []
    heard: dict[str, list[str]] = {name: [] for name in paths}
    for utterance, pcm in tqdm(load(chosen), total=len(chosen.utterances), unit="utterance"):
        speakers.append(utterance.speaker)
        references.append(utterance.transcript or "")
        for name, path in paths.items():
            heard[name].append(recogniser.transcribe(path(pcm)))
    print(f"{recogniser.name}, {len(references)} utterances of {len(set(speakers))} speakers, voice {args.voice}")
    for name, texts in heard.items():
        result = word_errors(references, texts)
        counts = [[one.errors, one.words] for one in result.per_utterance]
        low, high = bootstrap(lambda c: float(c[:, 0].sum() / c[:, 1].sum()), counts, groups=speakers)
        print(f"{name:24} WER {100 * result.wer:5.1f} %  (95 % interval {100 * low:.1f} to {100 * high:.1f})")
    if args.tsv:
        with args.tsv.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t")
            writer.writerow(["speaker", "reference", *heard])
            writer.writerows(zip(speakers, references, *heard.values(), strict=True))


def griffin_lim(mel: Floats, front_end: FrontEnd) -> Floats:
    """Log-mel ``[frames, mels]`` to samples ``[frames * hop]``: phases by 40 rounds of Griffin and Lim (1984)."""
    fe = front_end
    amplitude = 10 ** (((mel - 1) * -fe.floor_db - fe.gain_db) / 20)
    magnitude = np.maximum(np.linalg.pinv(mel_filters(fe)) @ amplitude.T, 1e-6).astype(np.float32)
    emphasised = librosa.griffinlim(
        magnitude, n_iter=40, hop_length=fe.hop, win_length=fe.window, n_fft=fe.n_fft, random_state=0
    )
    speech = scipy.signal.lfilter([1], [1, -fe.preemphasis], emphasised)
    return (speech / max(1.0, float(np.abs(speech).max()))).astype(np.float32)


if __name__ == "__main__":
    main()
