import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgy_tf.corpora import load, open_corpus
from edgy_tf.corpora.base import Corpus
from edgy_tf.errors import AudioError, MissingDependencyError
from evaluation.features import CodeFeatures, acoustic
from tests.conftest import harmonic_voice

code_sequences = st.lists(hnp.arrays(np.int32, st.integers(0, 40), elements=st.integers(0, 9)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return harmonic_voice(np.random.default_rng(0), pitch=120, seconds=1.0)


def test_functionals_do_not_depend_on_the_level(voice: np.ndarray, tmp_path: Path) -> None:
    loud, quiet = acoustic([voice / np.abs(voice).max(), voice / 100], tmp_path)
    assert loud.shape == (178,)
    scale = np.maximum(np.abs(loud), 1)
    assert np.median(np.abs(loud - quiet) / scale) < 0.02


def test_a_click_at_full_scale_does_not_wrap_around(voice: np.ndarray, tmp_path: Path) -> None:
    plain = voice * 0.02
    clicked = plain.copy()
    clicked[8000] = 1.0
    a, b = acoustic([plain, clicked], tmp_path)
    assert np.isfinite(b).all()
    assert a[0] == pytest.approx(b[0], rel=0.1)  # Pitch.


def test_what_cannot_be_analysed(tmp_path: Path) -> None:
    short, silent = acoustic([np.zeros(900, np.int16), np.zeros(16000, np.int16)], tmp_path)
    assert np.isnan(short).all()
    assert np.isfinite(silent).all()
    assert acoustic([], tmp_path).shape == (0, 178)
    with pytest.raises(AudioError, match="one channel"):
        acoustic([np.zeros((2, 900), np.int16)], tmp_path)


def test_the_cache_goes_by_content(voice: np.ndarray, tmp_path: Path) -> None:
    cache = tmp_path / "made" / "here"
    first = acoustic([voice], cache)
    [entry] = cache.iterdir()
    np.save(entry, first[0] + 1)
    np.testing.assert_array_equal(acoustic([voice.copy()], cache), first + 1)
    assert not np.array_equal(acoustic([voice[1:]], cache), first + 1)
    assert len(list(cache.iterdir())) == 2


def test_without_opensmile_the_extra_is_named(
    voice: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[eval\]") as error:
        acoustic([voice], tmp_path)
    assert "\n" not in str(error.value)


def test_functionals_of_real_speech_tell_high_voices_from_low(real_corpus: Path, tmp_path: Path) -> None:
    calm = [u for u in open_corpus(real_corpus).select(source="ravdess").utterances if u.emotion == "calm"][::24]
    rows = acoustic((pcm for _, pcm in load(Corpus(calm))), tmp_path, total=len(calm))
    assert np.isfinite(rows).all()
    pitch = {g: np.mean([row[0] for u, row in zip(calm, rows, strict=True) if u.gender == g]) for g in "FM"}
    assert pitch["F"] > pitch["M"] + 4  # Semitones.


def test_statistics_of_a_sequence() -> None:
    codes = np.array([5, 5, 7, 5], np.int32)
    [row] = CodeFeatures().fit([codes]).transform([codes])
    # Codes 5, 7; pairs 5-5, 5-7, 7-5; runs of 1 (two) and 2 (one); length, changes, mean and largest run, distinct.
    expected = [
        *np.sqrt([3 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 4, 2 / 4, 1 / 4, 0, 0, 0, 0, 0, 0]),
        *(np.log(5), 3 / 4, 4 / 3, 2, 2 / 4),
    ]
    np.testing.assert_allclose(row, expected, rtol=1e-6)


@given(train=code_sequences, test=code_sequences)
def test_statistics_know_nothing_of_the_test_part(train: list[np.ndarray], test: list[np.ndarray]) -> None:
    features = CodeFeatures(limit=5).fit(train)
    before = features.transform(train)
    rows = features.transform(test)
    assert rows.shape[1] == before.shape[1] <= 5 + 5 + 8 + 5
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(features.transform(train), before)
    # Codes that training did not have leave no trace of which they are.
    np.testing.assert_array_equal(features.transform([np.full(3, 50, np.int32)]), features.transform([np.full(3, 60)]))


def test_the_vocabulary_takes_the_most_widespread_codes() -> None:
    one_long = np.repeat(np.int32(9), 1000)
    features = CodeFeatures(limit=1).fit([one_long, np.array([1, 2]), np.array([1, 3])])
    common, rare = features.transform([np.array([1]), np.array([9])])
    assert common[0] == 1
    assert rare[0] == 0
