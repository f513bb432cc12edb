"""What a recogniser writes down of clean speech, as its tokens: what it shall read in the codes of that speech."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from tqdm import tqdm

from edgy_tf.corpora import to_float32
from edgy_tf.recognisers import LOOP
from edgy_tf.train.prepared import Prepared
from edgy_tf.weights import atomic_file
from edgy_tf.whisper_base import whisper_base

START, ENGLISH, WRITE_DOWN = 50258, 50259, 50359
END, ZERO = 50257, 50364
"""Tokens of multilingual Whisper: three that a text begins with, the one that ends it, and the one that says 0.00 s."""

TICK = 2
"""Frames from one time token to the next: 20 ms."""

BATCH, LONGEST, SILENCE = 8, 3000, 300
"""Utterances heard at once, frames of Whisper's window, and frames of silence after the longest of a batch: with less
it loops, with more it takes longer."""

FAR = 0.3
"""Word error rate from which on the corpus' transcript is believed instead."""


def dictated(data: Prepared, transcripts: Sequence[str | None], file: Path) -> list[list[int]]:
    """Tokens of each utterance: phrases between the times of their beginning and end.

    Args:
        data: the speech.
        transcripts: what the corpus says of each utterance, if it does. Where it differs much from what was heard, it
            is taken instead, in lower case: a recogniser mishears accents.
        file: keeps what was heard, which takes minutes for an hour of speech, for the next run.
    """
    if not file.exists():
        heard = dict(_heard(data))
        with atomic_file(file) as kept:
            kept.write(json.dumps([heard[i] for i in range(len(heard))]).encode())
    spell = _tokenizer()
    lengths = np.diff(data.frames)
    several = zip(json.loads(file.read_text()), transcripts, lengths, strict=True)
    return [_text(spell, tokens, transcript, int(length)) for tokens, transcript, length in several]


def _heard(data: Prepared) -> Iterator[tuple[int, list[int]]]:
    """Each utterance's number with its tokens, the longest utterances first."""
    import ctranslate2
    from faster_whisper import WhisperModel

    whisper = WhisperModel("whisper-base", device="cpu", compute_type="int8", files=whisper_base())
    listen = whisper.feature_extractor
    order = np.argsort(-np.diff(data.samples), kind="stable")
    for i in tqdm(range(0, len(order), BATCH), "dictation", unit="batch"):
        some = order[i : i + BATCH]
        speech = [to_float32(data.pcm[data.samples[u] : data.samples[u + 1]]) for u in some]
        features = [listen(one)[:, : len(one) // listen.hop_length] for one in speech]
        longest = min(max(f.shape[1] for f in features) // TICK * TICK + SILENCE, LONGEST)
        page = np.zeros((len(some), features[0].shape[0], longest), np.float32)
        for row, one in zip(page, features, strict=True):
            row[:, : one.shape[1]] = one[:, :longest]
        found = whisper.model.generate(
            ctranslate2.StorageView.from_array(page),
            [[START, ENGLISH, WRITE_DOWN]] * len(some),
            beam_size=1,
            no_repeat_ngram_size=LOOP,
        )
        for u, result in zip(some, found, strict=True):
            yield int(u), [token for token in result.sequences_ids[0] if token != END]


def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(whisper_base()["tokenizer.json"].decode())


def _text(spell: Any, tokens: list[int], transcript: str | None, frames: int) -> list[int]:
    """Tokens of one utterance of ``frames``, with a time at its end."""
    end = ZERO + min(frames, LONGEST) // TICK
    heard = _plain(spell.decode([token for token in tokens if token < END]))
    if transcript and jiwer.wer(_plain(transcript) or "-", heard or "-") > FAR:
        return [ZERO, *spell.encode(f" {transcript.capitalize()}.", add_special_tokens=False).ids, end]
    tokens = [min(token, end) for token in tokens]
    return tokens if not tokens or tokens[-1] >= ZERO else [*tokens, end]


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or c in " '").strip()
