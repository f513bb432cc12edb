"""Codes from log-mel: steps and whole runs agree, bad frames are refused, old files say so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgy_tf.errors import AudioError, ModelError
from edgy_tf.frontend import LogMel
from edgy_tf.preset import FrontEnd
from pi_runtime import EdgeEncoder, FrameEncoder, frames
from pi_runtime.interpreter import open_interpreter
from tests.conftest import harmonic_voice


@pytest.fixture(scope="module")
def encoder(tiny_release: Path) -> FrameEncoder:
    return FrameEncoder(tiny_release / "encoder-int8.tflite")


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    return (harmonic_voice(np.random.default_rng(5), 150, 1.5) * 32767).astype(np.int16)


def test_the_file_says_how_its_frames_are_made(encoder: FrameEncoder, pcm: np.ndarray, tiny_release: Path) -> None:
    """Both front ends, inside and outside of the file, lead to the same codes but for rounding."""
    fe = FrontEnd(**encoder.info.front_end or {})
    front_end = LogMel(fe)
    encoder.reset()
    audio = np.pad(pcm.astype(np.float32) / 32768, (encoder.info.history * fe.hop, 0))
    codes = np.concatenate([encoder.process(front_end.process(chunk)) for chunk in np.array_split(audio, 17)])
    expected = EdgeEncoder(tiny_release / "encoder-int8.tflite").encode(pcm)
    assert len(expected) - 4 < len(codes) <= len(expected)
    assert np.mean(codes == expected[: len(codes)]) >= 0.99


def test_the_file_names_its_release(encoder: FrameEncoder) -> None:
    assert encoder.info.release == "tiny"


@pytest.mark.parametrize("codes", [0, 1, 2, 5])
@pytest.mark.parametrize("more", [0, 1])
def test_as_many_codes_as_the_frames_complete(encoder: FrameEncoder, codes: int, more: int) -> None:
    encoder.reset()
    mel = np.zeros((encoder.info.receptive_field - 2 + 2 * codes + more, 20), np.float32)
    assert len(encoder.process(mel)) == len(encoder.encode(mel)) == codes


@pytest.mark.parametrize("bad", [np.zeros(20), np.zeros((3, 80)), np.full((2, 20), np.nan)])
def test_bad_frames_are_refused_and_lose_nothing(encoder: FrameEncoder, bad: np.ndarray) -> None:
    encoder.reset()
    mel = np.random.default_rng(0).random((40, 20), np.float32)
    codes = [encoder.process(mel[:15])]
    with pytest.raises(AudioError, match=r"\[frames, 20\]") as caught:
        encoder.process(bad)
    assert "\n" not in str(caught.value)
    codes.append(encoder.process(mel[15:]))
    np.testing.assert_array_equal(np.concatenate(codes), encoder.encode(mel))


def test_a_file_without_these_signatures_says_so(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def takes_pcm_alone(*arguments: Any) -> Any:
        interpreter = open_interpreter(*arguments)
        monkeypatch.setattr(interpreter, "get_signature_list", lambda: {"pcm_to_codes": {}})
        return interpreter

    monkeypatch.setattr(frames, "open_interpreter", takes_pcm_alone)
    with pytest.raises(ModelError, match="takes PCM alone"):
        FrameEncoder(tiny_release / "encoder-int8.tflite")
