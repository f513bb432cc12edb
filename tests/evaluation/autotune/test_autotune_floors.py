"""What is measured of words and secrets: nothing where codes are the release's, and what was planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import open_corpus, write_wav
from edgy_tf.errors import CorpusError, EdgyError
from edgy_tf.releases import find_release
from evaluation import words
from evaluation.autotune import leak
from evaluation.autotune.leak import Leak
from evaluation.plan import Plan, load_plan
from evaluation.words import Words
from pi_runtime import EdgeEncoder

CODES, LENGTH = 64, 40


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The one that is used, with the quickest of its attackers."""
    whole = load_plan("codes")
    return replace(whole, attributes=replace(whole.attributes, classifiers=("logistic regression",)))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen people, whose number is the first sample of all that they say; half of them are tested."""
    folder = tmp_path_factory.mktemp("crowd")
    rng = np.random.default_rng(0)
    rows = ["path\tspeaker\tsplit\tgender"]
    for person in range(16):
        for take in range(6):
            audio = rng.uniform(-0.1, 0.1, 8000).astype(np.float32)
            audio[0] = person / 32768
            write_wav(folder / f"{person}-{take}.wav", audio)
            rows.append(f"{person}-{take}.wav\tperson{person}\t{'train' if person < 8 else 'test'}\t{'FM'[person % 2]}")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n")
    return folder


def _said(pcm: np.ndarray) -> np.random.Generator:
    return np.random.default_rng(np.frombuffer(pcm.tobytes()[-64:], np.uint32))


class Mute:
    """A release's encoder whose codes tell nothing of anybody."""

    def __init__(self, path: Path) -> None:
        pass

    def encode(self, pcm: np.ndarray) -> np.ndarray:
        return _said(pcm).integers(0, CODES, LENGTH).astype(np.int32)


def _tells_gender(pcm: np.ndarray) -> np.ndarray:
    return (Mute(Path()).encode(pcm) // 2 * 2 + pcm[0] % 2).astype(np.int32)


def _tells_speaker(pcm: np.ndarray) -> np.ndarray:
    return (Mute(Path()).encode(pcm) // 16 * 16 + pcm[0] % 16).astype(np.int32)


def test_a_leak_is_found_and_the_release_s_own_codes_are_none(
    crowd: Path, tiny_release: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leak, "EdgeEncoder", Mute)
    corpus = open_corpus(crowd)
    floor = Leak(find_release(str(tiny_release)), corpus, plan)
    assert [name.split(" on ")[0] for name in floor.measured] == ["identity", "gender"]
    assert floor.rise(Mute(Path()).encode) <= 0
    assert floor.rise(_tells_gender) > 0.1
    assert floor.rise(_tells_speaker) > 0.1


def test_a_corpus_that_cannot_tell_is_refused(crowd: Path, tones: Path, tiny_release: Path, plan: Plan) -> None:
    release = find_release(str(tiny_release))
    with pytest.raises(CorpusError, match="privacy floor cannot be measured on this corpus: it has no test or eval"):
        Leak(release, open_corpus(crowd).select(split="train"), plan)
    with pytest.raises(CorpusError, match=r"on this corpus: identity on .*; gender on .*: 2 speakers are too few"):
        Leak(release, open_corpus(tones), plan)


class Reader:
    """Reads the features it met first, and of all others one word in three."""

    name, reads, at_once = "reader", True, 1

    def __init__(self) -> None:
        self.known: set[bytes] = set()
        self.learning = True

    def read(self, features: np.ndarray) -> str:
        if self.learning:
            self.known.add(features.tobytes())
        return "LA LA LA" if features.tobytes() in self.known else "LA"


def test_words_that_are_lost_are_counted(
    tones: Path, tiny_release: Path, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader()
    monkeypatch.setattr(words, "open_recogniser", lambda name, release=None: reader)
    release = find_release(str(tiny_release))
    read = Words(release, open_corpus(tones), plan.utility.utterances, "auto", tmp_path)
    assert len(reader.known) == 4
    reader.learning = False
    encode = EdgeEncoder(release.encoder("float32")).encode
    assert read.rise(encode) == 0
    assert read.rise(lambda pcm: (encode(pcm) + 1) % 16) == pytest.approx(2 / 3)
    with pytest.raises(CorpusError, match="no test utterance has a transcript"):
        Words(release, open_corpus(tones).select(split="train"), plan.utility.utterances, "auto", tmp_path)
    reader.reads = False
    with pytest.raises(EdgyError, match="reader cannot read words from codes"):
        Words(release, open_corpus(tones), plan.utility.utterances, "auto", tmp_path)
