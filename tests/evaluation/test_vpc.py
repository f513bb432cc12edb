"""The export for the VoicePrivacy toolkit: its files agree with each other, and Kaldi would take them."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import Corpus, Utterance, open_corpus, read_pcm16, write_wav
from edgy_tf.errors import CorpusError, EdgyError
from evaluation.systems import System, open_systems
from evaluation.vpc import export, main

FOLDERS = ["tones_all_enrolls", "tones_all_trials_f", "tones_all_trials_m"]


@pytest.fixture(scope="module")
def raw() -> System:
    return open_systems(["raw"])[0]


@pytest.fixture(scope="module")
def exported(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vpc")
    [system] = open_systems(["mcadams"])
    corpus = open_corpus(tones)
    corpus = Corpus([replace(u, transcript="La, la. LA!") for u in corpus.utterances])
    folders = export(system, corpus, out, "tones_all", out / "cache")
    assert [folder.name for folder in folders] == [*FOLDERS, *(f"{name}_mcadams" for name in FOLDERS)]
    return out


def rows(path: Path) -> dict[str, str]:
    pairs = [line.split(" ", 1) for line in path.read_text("utf-8").splitlines()]
    table = {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}
    assert len(table) == len(pairs)
    return table


@pytest.mark.parametrize("suffix", ["", "_mcadams"])
@pytest.mark.parametrize("name", FOLDERS)
def test_the_files_of_a_folder_agree(name: str, suffix: str, exported: Path) -> None:
    folder = exported / f"{name}{suffix}"
    sounds, speakers = rows(folder / "wav.scp"), rows(folder / "utt2spk")
    assert sounds.keys() == speakers.keys() == rows(folder / "text").keys() == rows(folder / "utt2dur").keys()
    assert {f"{key}.wav" for key in sounds} == {path.name for path in (folder / "wav").iterdir()}
    assert all(key.startswith(f"{speaker}-") for key, speaker in speakers.items())
    inverse = {utterance: s for s, members in rows(folder / "spk2utt").items() for utterance in members.split()}
    assert inverse == speakers
    assert rows(folder / "spk2gender").keys() == set(speakers.values())
    assert set(rows(folder / "text").values()) == {"LA LA LA"}
    for key, sound in sounds.items():
        assert Path(sound).parent == folder / "wav"
        assert len(read_pcm16(sound)) / 16000 == pytest.approx(float(rows(folder / "utt2dur")[key]), abs=1e-4)


def test_every_list_is_in_the_order_of_the_c_locale(exported: Path) -> None:
    lists = [path for folder in exported.glob("tones*") for path in folder.iterdir() if path.is_file()]
    assert len(lists) == 2 * (3 * 6 + 3)
    for path in lists:
        lines = path.read_bytes().splitlines()
        assert lines == sorted(lines), path
    for path in exported.glob("tones*/utt2spk"):
        pairs = path.read_text().splitlines()
        assert pairs == sorted(pairs, key=lambda pair: pair.split()[::-1])


def test_trials_are_of_one_gender_and_apart_from_enrolment(exported: Path) -> None:
    enrolled = rows(exported / "tones_all_enrolls" / "utt2spk")
    assert rows(exported / "tones_all_enrolls" / "enrolls").keys() == enrolled.keys()
    for gender in "fm":
        folder = exported / f"tones_all_trials_{gender}"
        tested = rows(folder / "utt2spk")
        assert not tested.keys() & enrolled.keys()
        assert set(rows(folder / "spk2gender").values()) == {gender}
        trials = [line.split() for line in (folder / "trials").read_text().splitlines()]
        assert len(trials) == 4 * 4
        for speaker, utterance, kind in trials:
            assert kind == ("target" if tested[utterance] == speaker else "nontarget")
        assert [t[2] for t in trials].count("target") == 4


def test_only_sound_differs_between_original_and_processed(exported: Path) -> None:
    for name in FOLDERS:
        before, after = exported / name, exported / f"{name}_mcadams"
        for file in ("utt2spk", "spk2utt", "text", "utt2dur", "spk2gender"):
            assert (before / file).read_bytes() == (after / file).read_bytes()
        for key, sound in rows(before / "wav.scp").items():
            pair = read_pcm16(sound), read_pcm16(rows(after / "wav.scp")[key])
            assert len(pair[0]) == len(pair[1])
            assert not np.array_equal(*pair)


def sound_files(folder: Path, *names: str, **about: str | None) -> Corpus:
    """One utterance of a noise for each ``speaker/file``."""
    utterances = []
    for i, name in enumerate(names):
        speaker, _, file = name.partition("/")
        path = folder / str(i) / file
        path.parent.mkdir(parents=True)
        write_wav(path, np.random.default_rng(i).uniform(-0.5, 0.5, 1600))
        utterances.append(Utterance(path, speaker, "made", "test", **about))  # type: ignore[arg-type]
    return Corpus(utterances)


def test_what_is_not_known_of_all_is_not_written(raw: System, tmp_path: Path) -> None:
    corpus = sound_files(tmp_path, "a/x.wav", "b/y.wav", emotion="sad")
    corpus.utterances[0] = replace(corpus.utterances[0], transcript="yes")
    [plain, _] = export(raw, corpus, tmp_path / "out", "made_test", tmp_path / "cache", plain=True)
    files = {path.name for path in plain.iterdir()}
    assert files == {"wav", "wav.scp", "utt2spk", "spk2utt", "utt2dur", "utt2emo"}


def test_names_that_kaldi_cannot_take_are_mapped(raw: System, tmp_path: Path) -> None:
    names = "a b-c/x y.wav", "a/z.wav", "a/z.wav", "a b/q.wav"
    corpus = sound_files(tmp_path, *names)
    [plain, _] = export(raw, corpus, tmp_path / "out", "made_test", tmp_path / "cache", plain=True)
    speakers = rows(plain / "utt2spk")
    assert speakers == {"a-1-z": "a", "a-2-z": "a", "a_b-3-q": "a_b", "a_b_c-0-x_y": "a_b_c"}
    assert list(speakers.values()) == sorted(speakers.values())


def test_unreadable_files_are_in_neither(raw: System, tones: Path, tmp_path: Path) -> None:
    corpus = open_corpus(tones)
    missing = replace(corpus.utterances[0], path=tmp_path / "missing.wav")
    corpus = Corpus([missing, *corpus.utterances])
    folders = export(raw, corpus, tmp_path / "out", "tones_all", tmp_path / "cache")
    assert len(corpus.skipped) == 1
    assert sum(len(rows(folder / "utt2spk")) for folder in folders) == 2 * 16


@pytest.mark.parametrize(
    ("names", "gender", "dataset", "plain", "message"),
    [
        (["a b/x.wav", "a_b/y.wav"], "F", "made_test", True, "speakers 'a b' and 'a_b' would both be 'a_b'"),
        ([], "F", "made_test", True, "nothing to export"),
        (["a/x.wav"], "F", "made", True, "two words"),
        (["a/x.wav"], "F", "made_test_more", True, "two words"),
        (["a/x.wav", "a/y.wav"], None, "made_test", False, "no gender"),
        (["a/x.wav", "a/y.wav"], "F", "made_test", False, "two speakers of one gender"),
    ],
)
def test_what_cannot_be_exported(
    names: list[str], gender: str | None, dataset: str, plain: bool, message: str, raw: System, tmp_path: Path
) -> None:
    corpus = sound_files(tmp_path, *names, gender=gender)
    with pytest.raises(CorpusError, match=message) as error:
        export(raw, corpus, tmp_path / "out", dataset, tmp_path / "cache", plain=plain)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_lists_cannot_hold_spaces_and_codes_are_no_sound(raw: System, tiny_release: Path, tmp_path: Path) -> None:
    corpus = sound_files(tmp_path, "a/x.wav")
    with pytest.raises(CorpusError, match="spaces"):
        export(raw, corpus, tmp_path / "o u t", "made_test", tmp_path / "cache", plain=True)
    [codes] = open_systems(["edgy-codes"], str(tiny_release))
    with pytest.raises(EdgyError, match="no sound"):
        export(codes, corpus, tmp_path / "out", "made_test", tmp_path / "cache", plain=True)


def test_the_command(tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--corpus", str(tones), "--system", "raw", "--out", str(tmp_path)]
    assert main([*command, "--split", "train", "--dataset", "tones_train"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6
    assert main([*command, "--system", "mp3"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vpc: no system 'mp3'")
    assert error.count("\n") == 1


def test_sort_itself_agrees(exported: Path) -> None:
    for path in exported.glob("tones*/utt2*"):
        subprocess.run(["sort", "-c", str(path)], check=True, env={**os.environ, "LC_ALL": "C"})
