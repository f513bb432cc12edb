"""Segments that join to one wave, and text that settles: on an engine whose right answer is known."""

import asyncio
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgy_tf.decode.voice import Voice
from edgy_tf.recognisers import Segment
from edgy_tf.serve.incremental import LONGEST_SECONDS, SETTLE_SECONDS, IncrementalSpeech, IncrementalText
from edgy_tf.wire import StreamHeader

RATE, PER_CODE = 16000, 320
VOICE = Voice(np.zeros(4, np.float32))


class KnownEngine:
    """Code ``i`` is number ``i``; it stands for the samples of a known wave from ``320 i``, and for a word."""

    header = StreamHeader("0" * 16, 1 << 16, RATE, PER_CODE)
    code_rate = 50.0

    def __init__(self, wave: np.ndarray, shifts: list[int] | None = None) -> None:
        self.wave = wave
        self.shifts = shifts or [0]
        self.most = 0
        self.phrase = 100

    async def speak(self, codes: np.ndarray, voice: Voice, admitted: bool = False) -> np.ndarray:
        self.most = max(self.most, len(codes))
        shift = self.shifts.pop(0) if len(self.shifts) > 1 else self.shifts[0]
        places = codes[0] * PER_CODE + np.arange(len(codes) * PER_CODE) if len(codes) else np.zeros(0, int)
        return self.wave[(places + shift) % len(self.wave)].astype(np.float32)

    def stream(self, voice: Voice) -> Any:
        return None

    async def read(self, codes: np.ndarray, admitted: bool = False) -> list[Segment]:
        self.most = max(self.most, len(codes))
        cuts = [*range(0, len(codes), self.phrase), len(codes)]
        pairs = pairwise(cuts)
        return [Segment(a / 50, b / 50, " ".join(map(str, codes[a:b]))) for a, b in pairs if b > a]


class FollowingEngine(KnownEngine):
    """One whose vocoder goes on where it was: it counts the samples that it has given."""

    def stream(self, voice: Voice) -> Any:
        return 0

    async def follow(
        self, given: Any, codes: np.ndarray, start: int, end: int, admitted: bool = False
    ) -> tuple[np.ndarray, Any]:
        wave = (await self.speak(codes, VOICE))[start * PER_CODE : end * PER_CODE]
        assert not len(wave) or np.all(wave == self.wave[given : given + len(wave)]), (
            "a piece is missing or comes twice"
        )
        return wave, given + len(wave)


def spoken(engine: Any, count: int, samples: int, step: int) -> np.ndarray:
    """What comes of ``count`` codes that arrive ``step`` at a time."""

    async def run() -> np.ndarray:
        codes, speech = np.arange(count, dtype=np.int32), IncrementalSpeech(engine, VOICE)
        pieces = []
        for come in range(0, count, step):
            while speech.due(codes[:come]):
                pieces.append(await speech.speak(codes[:come]))
        pieces.append(await speech.finish(codes, samples))
        return np.concatenate(pieces)

    return asyncio.run(run())


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from([KnownEngine, FollowingEngine]),
    count=st.integers(0, 400),
    cut=st.integers(0, 319),
    step=st.integers(1, 120),
)
def test_segments_of_one_wave_are_that_wave(kind: type[KnownEngine], count: int, cut: int, step: int) -> None:
    wave = np.random.default_rng(1).standard_normal(400 * PER_CODE).astype(np.float32)
    engine = kind(wave)
    samples = max(0, count * PER_CODE - cut)
    np.testing.assert_allclose(spoken(engine, count, samples, step), wave[:samples], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(shifts=st.lists(st.integers(-100, 100), min_size=8, max_size=8))
def test_segments_out_of_phase_are_joined_without_a_click(shifts: list[int]) -> None:
    # A tone of 100 Hz, whose period is within reach of the search.
    wave = np.sin(2 * np.pi * np.arange(RATE) / 160)
    speech = spoken(KnownEngine(wave, shifts), 330, 330 * PER_CODE, 25)
    assert len(speech) == 330 * PER_CODE
    steepest = np.abs(np.diff(wave)).max()
    assert np.abs(np.diff(speech)).max() < 1.5 * steepest
    envelope = np.abs(speech).reshape(-1, 160).max(1)
    assert envelope.min() > 0.9, "where two segments meet they must not cancel out"


def test_a_piece_that_was_given_up_comes_again() -> None:
    """Its connection was lost while it was drawn; nothing of it has reached the stream."""

    async def run() -> np.ndarray:
        engine: Any = FollowingEngine(np.arange(200 * PER_CODE, dtype=np.float32))
        speech, codes = IncrementalSpeech(engine, VOICE), np.arange(200, dtype=np.int32)
        begun, go = asyncio.Event(), asyncio.Event()
        follow = engine.follow

        async def slow(*args: Any) -> Any:
            begun.set()
            await go.wait()
            return await follow(*args)

        engine.follow = slow
        lost = asyncio.create_task(speech.speak(codes))
        await begun.wait()
        lost.cancel()
        go.set()
        pieces = [await speech.speak(codes), await speech.speak(codes)]
        return np.concatenate([*pieces, await speech.finish(codes, 200 * PER_CODE)])

    np.testing.assert_array_equal(asyncio.run(run()), np.arange(200 * PER_CODE))


def test_work_of_a_segment_is_bounded() -> None:
    engine = KnownEngine(np.zeros(RATE))
    spoken(engine, 3000, 3000 * PER_CODE, 25)
    assert engine.most <= 120


def texts(engine: Any, count: int, step: int) -> list[str]:
    """Every partial text of ``count`` codes, and the final one."""

    async def run() -> list[str]:
        codes, text = np.arange(count, dtype=np.int32), IncrementalText(engine)
        out = []
        for come in range(0, count, step):
            if text.due(codes[:come]):
                out.append(await text.read(codes[:come]))
        return [*out, await text.read(codes, final=True)]

    return asyncio.run(run())


@pytest.mark.parametrize("phrase", [30, 100, 10**6])
def test_every_word_is_read_once_and_in_order(phrase: int) -> None:
    engine = KnownEngine(np.zeros(1))
    engine.phrase = phrase
    read = texts(engine, 5000, 25)
    for text in read:
        words = [int(word) for word in text.split()]
        assert words == list(range(len(words)))
    assert len(read[-1].split()) == 5000
    assert len(read) == 50
    longest = LONGEST_SECONDS if phrase > 5000 else SETTLE_SECONDS
    assert engine.most <= (longest + 2 + phrase / 50 * (phrase <= 5000)) * 50, "what is settled is read no more"
