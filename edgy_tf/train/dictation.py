"""What a recogniser writes down of clean speech, as its tokens: what it shall read in the codes of that speech."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edgy_tf.corpora import Corpus, to_float32
from edgy_tf.recognisers import LOOP
from edgy_tf.train.prepared import Prepared
from edgy_tf.weights import atomic_file
from edgy_tf.whisper_base import END, PROMPT, TICK, ZERO, whisper_base

BATCH, LONGEST, SILENCE = 8, 3000, 300
"""Utterances heard at once, frames of Whisper's window, and frames of silence after the longest of a batch: with less
it loops, with more it takes longer."""

FAR = 0.3
"""Word error rate from which on the corpus' transcript is believed instead."""


def with_texts(data: Prepared, corpus: Corpus, folder: Path) -> Prepared:
    """``data`` with the tokens of each utterance: phrases between the times of their beginning and end.

    Where the corpus' transcript differs much from what was heard, it is taken instead, in lower case: a recogniser
    mishears accents. Sentences that are said outside of the training split have no tokens: others are tested on them,
    so they must not be learned by heart.

    Args:
        data: the speech.
        corpus: all of it.
        folder: keeps what was heard, which takes minutes for an hour of speech, for the next run.
    """
    tested = {u.transcript for u in corpus.utterances if u.split != "train" and u.transcript}
    file = folder / f"heard-{hashlib.sha256(data.fingerprint).hexdigest()[:16]}.json"
    if not file.exists():
        heard = dict(_heard(data))
        with atomic_file(file) as kept:
            kept.write(json.dumps([heard[i] for i in range(len(heard))]).encode())
    spell = _tokenizer()
    lengths = np.diff(data.frames)
    several = zip(json.loads(file.read_text()), data.transcripts, lengths, strict=True)
    texts = [
        [] if transcript in tested else _text(spell, tokens, transcript, int(length))
        for tokens, transcript, length in several
    ]
    return dataclasses.replace(data, texts=texts)


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
            [PROMPT] * len(some),
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
    # Here, for every training imports this module, and few need words.
    import jiwer

    end = ZERO + min(frames, LONGEST) // TICK
    heard = _plain(spell.decode([token for token in tokens if token < END]))
    if transcript and jiwer.wer(_plain(transcript) or "-", heard or "-") > FAR:
        return [ZERO, *spell.encode(f" {transcript.capitalize()}.", add_special_tokens=False).ids, end]
    tokens = [min(token, end) for token in tokens]
    return tokens if not tokens or tokens[-1] >= ZERO else [*tokens, end]


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum() or c in " '").strip()
