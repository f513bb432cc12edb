import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import Corpus, open_corpus, read_pcm16
from edgy_tf.errors import CorpusError
from edgy_tf.frontend import log_mel
from edgy_tf.preset import Preset
from edgy_tf.train import prepared
from edgy_tf.train.prepared import LEVEL, Prepared, at_level, prepare


@pytest.fixture
def copy(tones: Path, tmp_path: Path) -> Path:
    """The tones, free to be damaged."""
    return Path(shutil.copytree(tones, tmp_path / "tones"))


@pytest.fixture
def prepare_in(tiny: Preset, tmp_path: Path) -> Callable[[Corpus], Prepared]:
    return lambda corpus: prepare(corpus, tiny.front_end, tmp_path / "prepared", "train")


def _add(folder: Path, *names: str) -> list[Path]:
    """Files that are no sound, of a speaker of their own."""
    manifest = folder / "manifest.tsv"
    rows = "".join(f"{name}\tvoice9\ttrain\tF\tLA\n" for name in names)
    manifest.write_text(manifest.read_text() + rows)
    for name in names:
        (folder / name).write_bytes(b"RIFF\x00\x10\x00\x00WAVEfmt ")
    return [folder / name for name in names]


def test_every_utterance_is_there_with_its_samples_and_features(
    tones: Path, tiny: Preset, prepare_in: Callable[[Corpus], Prepared]
) -> None:
    corpus = open_corpus(tones)
    data = prepare_in(corpus)
    assert data.speakers == corpus.speakers
    assert len(data.samples) == len(data.frames) == len(corpus.utterances) + 1
    for i, utterance in enumerate(corpus.utterances):
        pcm = at_level(read_pcm16(utterance.path))
        assert data.speakers[data.speaker[i]] == utterance.speaker
        np.testing.assert_array_equal(data.pcm[data.samples[i] : data.samples[i + 1]], pcm)
        mel = log_mel(pcm / np.float32(32768), tiny.front_end)
        np.testing.assert_array_equal(data.mel[data.frames[i] : data.frames[i + 1]], mel.astype(np.float16))
    assert data.hours == pytest.approx(len(data.pcm) / 16000 / 3600)
    assert corpus.skipped_report() == ""


@pytest.mark.parametrize("gain", [0.001, 0.1, 1.0])
def test_loud_and_soft_recordings_come_to_one_level(gain: float) -> None:
    noise = np.random.default_rng(0).standard_normal(16000) * 6000 * gain
    levelled = at_level(np.rint(noise).astype(np.int16))
    assert np.sqrt(np.mean((levelled / 32768) ** 2)) == pytest.approx(LEVEL, rel=0.02)


def test_silence_stays_silent() -> None:
    assert not at_level(np.zeros(100, np.int16)).any()
    assert len(at_level(np.zeros(0, np.int16))) == 0


def test_a_second_run_reads_what_the_first_prepared(
    copy: Path, tiny: Preset, prepare_in: Callable[[Corpus], Prepared]
) -> None:
    corpus = open_corpus(copy)
    first = prepare_in(corpus)
    for sound in copy.glob("*.wav"):
        sound.unlink()
    again = prepare_in(corpus)
    np.testing.assert_array_equal(first.pcm, again.pcm)
    np.testing.assert_array_equal(first.mel, again.mel)
    # Other utterances, or another front end, would be prepared anew.
    with pytest.raises(CorpusError, match="no speech could be read"):
        prepare_in(corpus.select(speakers=["voice0"]))
    other = replace(tiny.front_end, floor_db=-60.0)
    with pytest.raises(CorpusError, match="no speech could be read"):
        prepare(corpus, other, copy.parent / "prepared", "train")


def test_many_processes_prepare_what_one_does(
    tones: Path, tiny: Preset, prepare_in: Callable[[Corpus], Prepared], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = replace(open_corpus(tones).utterances[0], path=tones / "missing.wav")
    corpus, several = (Corpus([bad, *open_corpus(tones).utterances[:4]]) for _ in range(2))
    one = prepare_in(corpus)
    monkeypatch.setattr(prepared, "PIECE", 2)
    many = prepare(several, tiny.front_end, tmp_path / "many", "train")
    assert several.skipped == corpus.skipped
    assert len(corpus.skipped) == 1
    for name in ("pcm", "mel", "samples", "frames", "speaker", "gender"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_the_gender_of_children_counts_as_unknown(tones: Path, prepare_in: Callable[[Corpus], Prepared]) -> None:
    girl, woman, man, *_ = open_corpus(tones).utterances
    several = [replace(girl, age=9), replace(woman, age=30, gender="F"), replace(man, gender="M")]
    several = [replace(u, speaker=f"s{i}") for i, u in enumerate(several)]
    np.testing.assert_array_equal(prepare_in(Corpus(several)).gender, [0, 1, 2])


def test_what_an_interrupted_run_left_is_made_anew(
    tones: Path, prepare_in: Callable[[Corpus], Prepared], tmp_path: Path
) -> None:
    corpus = open_corpus(tones)
    whole = np.array(prepare_in(corpus).pcm)
    [folder] = (tmp_path / "prepared").iterdir()
    # As it lies when the process is killed while it writes: under another name, and without an index.
    (folder / "index.json").unlink()
    (folder / "pcm").write_bytes(b"half")
    folder.rename(folder.with_suffix(".part"))
    np.testing.assert_array_equal(prepare_in(corpus).pcm, whole)
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [folder.name]


def test_a_corrupt_file_is_left_out_and_reported(copy: Path, prepare_in: Callable[[Corpus], Prepared]) -> None:
    [bad] = _add(copy, "bad.wav")
    # The second time finds it all prepared, and tells no less.
    for _ in range(2):
        corpus = open_corpus(copy)
        data = prepare_in(corpus)
        assert len(data.speaker) == len(corpus.utterances) - 1
        [report] = corpus.skipped_report().splitlines()
        assert report.startswith(f"{bad}: ")


def test_a_corpus_without_a_readable_file_is_refused_in_one_line(
    copy: Path, prepare_in: Callable[[Corpus], Prepared]
) -> None:
    bad = _add(copy, "bad.wav", "worse.wav")
    with pytest.raises(CorpusError, match="no speech could be read") as refusal:
        prepare_in(open_corpus(copy).select(speakers=["voice9"]))
    assert str(bad[0]) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
