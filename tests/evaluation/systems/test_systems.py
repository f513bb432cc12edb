"""What the audit compares: every system, what it draws, its bits, and the cache of its results."""

import json
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import Corpus, Utterance, open_corpus, read_pcm16
from edgy_tf.decode import Decoder
from edgy_tf.decode.voices import anonymous_voice
from edgy_tf.errors import EdgyError, MissingDependencyError, ModelError
from edgy_tf.releases import MANIFEST
from evaluation.systems import OPUS_BITS, Floats, Pcm, Processed, open_systems, process_corpus
from evaluation.systems.base import Wordless
from tests.conftest import harmonic_voice

NAMES = ["raw", "mcadams", "opus", "codec2", "edgy", "edgy-wavernn", "edgy-mel", "edgy-codes"]


@pytest.fixture(scope="module")
def heard(tones: Path) -> tuple[Utterance, Pcm]:
    utterance = open_corpus(tones).utterances[0]
    return utterance, read_pcm16(utterance.path)


def _sound(processed: Processed) -> Floats:
    assert processed.audio is not None
    return processed.audio


@pytest.mark.parametrize("name", NAMES)
def test_every_system(name: str, heard: tuple[Utterance, Pcm], tiny_release: Path) -> None:
    utterance, pcm = heard
    [system] = open_systems([name], str(tiny_release))
    assert system.name == name
    processed = system.process(utterance, pcm)
    assert (processed.audio is None) == (name == "edgy-codes")
    if processed.audio is not None:
        assert processed.audio.shape == pcm.shape
        assert processed.audio.dtype == np.float32
        assert 0 < np.abs(processed.audio).max() <= 1
    assert (processed.codes is not None) == name.startswith("edgy")
    assert (system.words is not None) == (name in ("edgy", "edgy-codes"))
    if processed.codes is not None:
        assert processed.codes.dtype == np.int32
        assert len(processed.codes) == -(-len(pcm) // 320)
        # Codes of 4 bits, in a stream that has a header and checksums.
        assert processed.bits < 4 * len(processed.codes) + 8 * 60
    assert 0 < processed.bits <= 16 * len(pcm)
    again = system.process(utterance, pcm)
    assert again.bits == processed.bits
    if processed.audio is not None and name != "codec2":
        np.testing.assert_array_equal(_sound(again), processed.audio)


@pytest.mark.parametrize("vocoder", ["wavernn", "griffin-lim"])
def test_a_release_is_heard_as_it_speaks_by_itself(
    vocoder: str, heard: tuple[Utterance, Pcm], tiny_release: Path, tmp_path: Path
) -> None:
    release = tmp_path / "tiny"
    shutil.copytree(tiny_release, release)
    about = json.loads((release / MANIFEST).read_text())
    (release / MANIFEST).write_text(json.dumps(about | {"vocoder": vocoder}))
    itself, wavernn, mel = open_systems(["edgy", "edgy-wavernn", "edgy-mel"], str(release))
    ours, like, unlike = (_sound(system.process(*heard)) for system in (itself, wavernn, mel))
    if vocoder == "griffin-lim":
        like, unlike = unlike, like
    np.testing.assert_array_equal(ours, like)
    assert not np.array_equal(ours, unlike)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("samples", [0, 1])
def test_next_to_nothing(name: str, samples: int, heard: tuple[Utterance, Pcm], tiny_release: Path) -> None:
    [system] = open_systems([name], str(tiny_release))
    processed = system.process(heard[0], np.zeros(samples, np.int16))
    assert processed.audio is None or len(processed.audio) == samples


def test_raw_speech_is_untouched(heard: tuple[Utterance, Pcm]) -> None:
    [raw] = open_systems(["raw"])
    processed = raw.process(*heard)
    np.testing.assert_array_equal(_sound(processed), heard[1] / np.float32(32768))
    assert processed.bits == 16 * len(heard[1])


@pytest.mark.parametrize(("name", "rate"), [("opus", OPUS_BITS), ("codec2", 700)])
def test_codecs_keep_to_their_rates_and_to_the_signal(name: str, rate: int, heard: tuple[Utterance, Pcm]) -> None:
    pcm = (harmonic_voice(np.random.default_rng(1), 120, 8) * 32767).astype(np.int16)
    [codec] = open_systems([name])
    processed = codec.process(heard[0], pcm)
    assert processed.bits / 8 == pytest.approx(rate, rel=0.15)
    assert processed.audio is not None
    # Loudness follows that of the input, so speech and sound lie upon each other.
    before, after = (np.abs(x[: 8 * 16000]).reshape(-1, 800).mean(1) for x in (pcm / 32768, processed.audio))
    assert np.corrcoef(before, after)[0, 1] > 0.7


@pytest.mark.parametrize("name", ["mcadams", "edgy-mel"])
def test_draws_go_by_utterance_and_seed(name: str, heard: tuple[Utterance, Pcm], tiny_release: Path) -> None:
    utterance, pcm = heard
    [system], [other] = (open_systems([name], str(tiny_release), seed=seed) for seed in (0, 1))
    first = _sound(system.process(utterance, pcm))
    moved = replace(utterance, path=Path("/elsewhere") / utterance.path.name)
    np.testing.assert_array_equal(_sound(system.process(moved, pcm)), first)
    renamed = replace(utterance, path=utterance.path.with_name("another.wav"))
    assert not np.array_equal(_sound(system.process(renamed, pcm)), first)
    assert not np.array_equal(_sound(other.process(utterance, pcm)), first)
    assert other.settings != system.settings


def test_anonymous_voices_lie_between_those_of_the_release(tiny_release: Path) -> None:
    decoder = Decoder.from_release(tiny_release)
    voices = np.stack([decoder.voice(name).embedding for name in decoder.voices])
    drawn = np.stack([anonymous_voice(decoder, seed).embedding for seed in range(30)])
    assert drawn.dtype == np.float32
    assert len(np.unique(drawn, axis=0)) == 30
    np.testing.assert_array_equal(anonymous_voice(decoder, 7).embedding, drawn[7])
    # No direction in which one of them lies outside of all the release's.
    directions = np.random.default_rng(0).standard_normal((1000, voices.shape[1]))
    assert ((drawn @ directions.T).max(0) <= (voices @ directions.T).max(0) + 1e-5).all()


class _Counting(Wordless):
    name = "counting"
    settings = ""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def process(self, utterance: Utterance, pcm: Pcm) -> Processed:
        self.calls[utterance.path.name] += 1
        return Processed(pcm / np.float32(40000), np.arange(3, dtype=np.int32), len(pcm))


def test_an_interrupted_run_goes_on_and_gives_the_same(tones: Path, tmp_path: Path) -> None:
    corpus, system = open_corpus(tones), _Counting()
    run = process_corpus(system, corpus, tmp_path / "made" / "here")
    begun = [next(run) for _ in range(5)]
    run.close()
    whole = list(process_corpus(system, corpus, tmp_path / "made" / "here"))
    again = list(process_corpus(system, corpus, tmp_path / "made" / "here"))
    assert [u for u, _ in whole] == corpus.utterances
    assert set(system.calls.values()) == {1}
    for one, other in [*zip(begun, whole, strict=False), *zip(whole, again, strict=True)]:
        assert one[0] == other[0]
        np.testing.assert_array_equal(_sound(one[1]), _sound(other[1]))
        assert one[1].codes is not None
        assert other[1].codes is not None
        np.testing.assert_array_equal(one[1].codes, other[1].codes)
        assert one[1].bits == other[1].bits


def test_the_cache_knows_settings_and_mends_itself(tones: Path, tmp_path: Path) -> None:
    corpus, system = Corpus(open_corpus(tones).utterances[:2]), _Counting()
    list(process_corpus(system, corpus, tmp_path))
    entries = list((tmp_path / "counting").iterdir())
    assert len(entries) == 2
    entries[0].write_bytes(entries[0].read_bytes()[:100])
    list(process_corpus(system, corpus, tmp_path))
    assert sorted(system.calls.values()) == [1, 2]
    system.settings = "other"
    list(process_corpus(system, corpus, tmp_path))
    assert sorted(system.calls.values()) == [2, 3]


def test_codes_alone_come_back_from_the_cache(tones: Path, tiny_release: Path, tmp_path: Path) -> None:
    corpus = Corpus(open_corpus(tones).utterances[:1])
    [system] = open_systems(["edgy-codes"], str(tiny_release))
    [(_, first)], [(_, second)] = (list(process_corpus(system, corpus, tmp_path)) for _ in range(2))
    assert first.audio is None
    assert second.audio is None
    assert first.codes is not None
    assert second.codes is not None
    np.testing.assert_array_equal(first.codes, second.codes)


def test_what_cannot_be_read_is_left_out_and_recorded(tones: Path, tmp_path: Path) -> None:
    good = open_corpus(tones).utterances[0]
    bad = replace(good, path=tmp_path / "missing.wav")
    corpus = Corpus([bad, good])
    assert [u for u, _ in process_corpus(_Counting(), corpus, tmp_path / "cache")] == [good]
    assert [path for path, _ in corpus.skipped] == [bad.path]


def test_what_cannot_be_opened(tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EdgyError, match="no system 'mp3'; choose from raw, mcadams, opus") as error:
        open_systems(["raw", "mp3"])
    assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="no release 'nowhere'"):
        open_systems(["edgy"], "nowhere")
    with pytest.raises(ModelError, match="no 'int3' encoder"):
        open_systems(["edgy"], str(tiny_release), "int3")
    for name, module in (("opus", "av"), ("codec2", "pycodec2")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingDependencyError, match=r"edgy-tf\[eval\]"):
            open_systems([name])
