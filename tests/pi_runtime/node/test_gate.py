"""The gate passes speech whole and silence never, by samples alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_runtime.node.gate import END, START, Gate
from pi_runtime.node.settings import GateSettings

FRAME = 160
SETTINGS = GateSettings(onset_ms=30, hangover_ms=100, pre_roll_ms=50, longest_s=2)


def loudness(frame: bytes) -> float:
    """A detector that takes the first sample, in thousandths, for the probability."""
    return int(np.frombuffer(frame, "<i2")[0]) / 1000


def frames(*probabilities: float) -> np.ndarray:
    """Sound whose every 10 ms tell ``loudness`` a probability; each sample after the first is unique."""
    pcm = np.arange(len(probabilities) * FRAME, dtype=np.int64).astype(np.int16).reshape(-1, FRAME)
    pcm[:, 0] = (1000 * np.array(probabilities)).astype(np.int16)
    return pcm.reshape(-1)


def cut(gate: Gate, pcm: np.ndarray, edges: list[int] | None = None) -> list[np.ndarray]:
    """The utterances of a recording; asserts that each is begun and ended."""
    places = [0, *sorted(min(edge, len(pcm)) for edge in edges or []), len(pcm)]
    steps = [step for a, b in itertools.pairwise(places) for step in gate.process(pcm[a:b])] + list(gate.flush())
    utterances: list[list[np.ndarray]] = []
    is_open = False
    for step in steps:
        if isinstance(step, str):
            assert is_open == (step == END)
            is_open = step == START
            utterances += [[]] if is_open else []
        else:
            assert is_open
            utterances[-1].append(step)
    assert not is_open
    return [np.concatenate(parts) for parts in utterances]


def test_an_utterance_has_its_pre_roll_and_its_hangover() -> None:
    pcm = frames(*[0] * 20, *[0.9] * 10, *[0] * 20)
    (utterance,) = cut(Gate(SETTINGS, loudness), pcm)
    np.testing.assert_array_equal(utterance, pcm[(20 - 5) * FRAME : (30 + 10) * FRAME])


def test_a_click_is_no_speech_and_a_dip_no_end() -> None:
    assert cut(Gate(SETTINGS, loudness), frames(*[0] * 20, 0.9, 0.9, *[0] * 30)) == []
    wavering = frames(*[0.9] * 10, *[0.4] * 50, *[0.1] * 9, *[0.35] * 5, *[0] * 20)
    (utterance,) = cut(Gate(SETTINGS, loudness), wavering)
    assert len(utterance) == (10 + 50 + 9 + 5 + 10) * FRAME


def test_endless_speech_is_cut_and_nothing_of_it_lost() -> None:
    pcm = frames(*[0.9] * 500)
    utterances = cut(Gate(SETTINGS, loudness), pcm)
    assert [len(u) for u in utterances[:2]] == [2 * 16000] * 2
    np.testing.assert_array_equal(np.concatenate(utterances), pcm)


@settings(max_examples=60, deadline=None)
@given(
    probabilities=st.lists(st.sampled_from([0.0, 0.35, 0.9]), max_size=120),
    edges=st.lists(st.integers(0, 120 * FRAME), max_size=12),
    tail=st.integers(0, FRAME - 1),
)
def test_chunks_do_not_matter_and_quiet_stays(probabilities: list[float], edges: list[int], tail: int) -> None:
    pcm = np.concatenate([frames(*probabilities), np.zeros(tail, np.int16)])
    whole = cut(Gate(SETTINGS, loudness), pcm)
    for one, other in itertools.zip_longest(whole, cut(Gate(SETTINGS, loudness), pcm, edges)):
        np.testing.assert_array_equal(one, other)
    if 0.9 not in probabilities:
        assert whole == []


def test_the_real_detector_hears_voice_and_neither_silence_nor_noise(talk: np.ndarray) -> None:
    utterances = cut(Gate(GateSettings()), talk)
    assert len(utterances) == 3
    assert all(2 < len(u) / 16000 < 3.5 for u in utterances)
    rng = np.random.default_rng(0)
    hum = 3000 * np.sin(2 * np.pi * 50 * np.arange(80000) / 16000)
    for quiet in (np.zeros(80000), 1000 * rng.standard_normal(80000), hum):
        assert cut(Gate(GateSettings()), quiet.astype(np.int16)) == []


def test_without_the_detector_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from edgy_tf.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "pymicro_vad", None)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[node\]"):
        Gate(GateSettings())
