"""The speaker network's training on harmonic voices: it learns, resumes exactly, and feeds a VQ-VAE."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from edgy_tf.cli.main import main
from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.errors import CorpusError, ModelError
from edgy_tf.models import resnet
from edgy_tf.preset import Preset
from edgy_tf.train import speaker, trainer
from edgy_tf.train.speaker import SpeakerCheckpoint, SpeakerRun, equal_error_rate, train_speaker
from edgy_tf.train.trainer import Run, train

SEED = 34
"""Holds out two of the six speakers of ``tones``."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Two blocks instead of sixteen, a batch to validate on, and no graph to build: no test depends on any of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "VALIDATION_BATCHES", 1)
        patch.setattr(resnet, "STAGES", ((16, 1, 1), (32, 1, 2)))
        tf.config.run_functions_eagerly(True)
        yield
        tf.config.run_functions_eagerly(False)


@pytest.fixture
def as_a_graph() -> Iterator[None]:
    """For as many steps as pay for building a graph."""
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.fixture(scope="module")
def corpus(tones: Path) -> Corpus:
    return open_corpus(tones)


@pytest.fixture
def run(tiny: Preset, corpus: Corpus, tmp_path: Path) -> SpeakerRun:
    """Four steps of two epochs, on crops of a third of a second."""
    return SpeakerRun(tiny, corpus, tmp_path, steps=4, seed=SEED, every=2, speakers=3, seconds=0.32)


@pytest.fixture(scope="module")
def trained(tiny: Preset, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("trained")
    train_speaker(SpeakerRun(tiny, corpus, out, steps=4, seed=SEED, every=2, speakers=3, seconds=0.32))
    return out


@pytest.fixture(scope="module")
def conditioned(tiny: Preset) -> Preset:
    """The tiny preset with a ResNet for a table, and one step to train."""
    step = dataclasses.replace(tiny.train.phases[0], steps=1)
    return dataclasses.replace(
        tiny,
        speaker=dataclasses.replace(tiny.speaker, kind="resnet"),
        train=dataclasses.replace(tiny.train, phases=(step,)),
    )


def stop_after(saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training be cut off once it has written ``saves`` checkpoints."""
    save: Callable[[SpeakerCheckpoint, Path], None] = SpeakerCheckpoint.save
    written = []

    def save_and_stop(state: SpeakerCheckpoint, folder: Path) -> None:
        save(state, folder)
        written.append(state)
        if len(written) == saves:
            raise KeyboardInterrupt

    monkeypatch.setattr(SpeakerCheckpoint, "save", save_and_stop)


@pytest.mark.parametrize(
    ("scores", "same", "rate"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 0.0),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 1.0),
        ([0.5, 0.5, 0.5, 0.5], [1, 1, 0, 0], 0.5),
        ([4, 3, 2, 1], [1, 0, 1, 0], 0.5),
        ([8, 7, 6, 5, 4, 3, 2, 1], [1, 1, 1, 0, 1, 0, 0, 0], 0.25),
        # No threshold makes the rates equal: 1 / 3 are turned away, and 1 / 4 or 1 / 2 pass.
        ([7, 6, 5, 4, 3, 2, 1], [1, 1, 0, 0, 1, 0, 0], 1 / 3),
    ],
)
def test_equal_error_rate_of_known_cases(scores: list[float], same: list[int], rate: float) -> None:
    assert equal_error_rate(scores, same) == pytest.approx(rate)


def test_equal_error_rate_of_two_bells() -> None:
    """Two normal distributions, two standard deviations apart, cross at 15.87 %."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(1, 1, 20000), rng.normal(-1, 1, 60000)])
    same = np.arange(80000) < 20000

    assert equal_error_rate(scores, same) == pytest.approx(0.1587, abs=0.005)
    assert equal_error_rate(100 * scores, same) == equal_error_rate(scores, same)


@pytest.mark.parametrize("same", [[1, 1], [0, 0]])
def test_equal_error_rate_needs_both_kinds_of_trial(same: list[int]) -> None:
    with pytest.raises(ValueError, match="trials of two"):
        equal_error_rate([0.1, 0.2], same)


@pytest.mark.usefixtures("as_a_graph")
def test_the_loss_falls(run: SpeakerRun, monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []
    fit = speaker.fit

    def spy(*args: Any, keep: Callable[[int, dict[str, float]], None], **rest: Any) -> None:
        def note(step: int, figures: dict[str, float]) -> None:
            losses.append(figures["loss"])
            keep(step, figures)

        fit(*args, keep=note, **rest)

    monkeypatch.setattr(speaker, "fit", spy)
    state = train_speaker(dataclasses.replace(run, steps=40, every=10, speakers=4, seconds=0.8))

    assert losses[-1] < 0.5 * losses[0]
    assert state.step == 40
    assert 0 <= state.eer <= 1


def test_a_run_that_was_cut_off_ends_in_the_same_bits(
    run: SpeakerRun, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train_speaker(run)
    half = SpeakerCheckpoint.load(run.out)
    assert half.step == 2
    monkeypatch.undo()
    resumed, whole = train_speaker(run), SpeakerCheckpoint.load(trained)

    assert resumed.step == whole.step == 4
    assert resumed.eer == whole.eer
    for name in ("model", "optimizer"):
        mine, theirs = getattr(resumed, name), getattr(whole, name)
        assert mine.keys() == theirs.keys()
        for path, value in theirs.items():
            np.testing.assert_array_equal(mine[path], value, path)
    assert not any(np.array_equal(half.model[path], value) for path, value in whole.model.items())


def test_a_finished_run_is_left_as_it_is(run: SpeakerRun, trained: Path) -> None:
    before = (trained / speaker.FILE).read_bytes()
    train_speaker(dataclasses.replace(run, out=trained))

    assert (trained / speaker.FILE).read_bytes() == before


def test_curves_are_written(trained: Path) -> None:
    assert list((trained / "logs").glob("events*"))


@pytest.mark.parametrize("change", [{"steps": 6}, {"seed": 79}, {"speakers": 2}, {"seconds": 0.5}])
def test_other_settings_do_not_go_on(run: SpeakerRun, trained: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="choose another --out"):
        train_speaker(dataclasses.replace(run, out=trained, **change))


def test_one_held_out_speaker_is_too_few(run: SpeakerRun) -> None:
    with pytest.raises(CorpusError, match="held out are 1 speakers"):
        train_speaker(dataclasses.replace(run, seed=0))


def test_one_speaker_to_train_on_is_too_few(run: SpeakerRun) -> None:
    three = run.corpus.select(speakers=["voice0", "voice3", "voice4"])
    with pytest.raises(CorpusError, match="one speaker to train on"):
        train_speaker(dataclasses.replace(run, corpus=three))


def test_a_vqvae_is_conditioned_on_one_network_and_leaves_it_alone(
    conditioned: Preset, corpus: Corpus, trained: Path, tmp_path: Path
) -> None:
    state = train(Run(conditioned, corpus, tmp_path / "vqvae", SEED, speaker=trained / speaker.FILE))

    learned = SpeakerCheckpoint.load(trained)
    network = {n: v for n, v in learned.model.items() if n.startswith("speaker/")}
    assert {n for n in state.model if n.startswith("speaker/")} == network.keys()
    for path, value in network.items():
        np.testing.assert_array_equal(state.model[path], value, path)
    assert not any("speaker" in path for path in state.optimizer)

    (tmp_path / "other").mkdir()
    dataclasses.replace(learned, model={n: v + 1 for n, v in learned.model.items()}).save(tmp_path / "other")
    with pytest.raises(ModelError, match="another speaker network"):
        train(Run(conditioned, corpus, tmp_path / "vqvae", SEED, speaker=tmp_path / "other"))


def test_a_preset_says_whether_it_takes_a_network(
    tiny: Preset, conditioned: Preset, corpus: Corpus, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="needs --speaker FILE"):
        train(Run(conditioned, corpus, tmp_path))
    with pytest.raises(ModelError, match="leave out --speaker"):
        train(Run(tiny, corpus, tmp_path, speaker=trained))


def test_a_network_of_another_front_end_is_refused(conditioned: Preset, trained: Path) -> None:
    wider = dataclasses.replace(conditioned, front_end=dataclasses.replace(conditioned.front_end, fmin=20.0))
    with pytest.raises(ModelError, match="another front end"):
        speaker.load_speaker(trained, wider)


def test_a_file_of_something_else_is_refused(conditioned: Preset, tmp_path: Path) -> None:
    from edgy_tf.weights import save_arrays

    save_arrays(tmp_path / "other.safetensors", {"a": np.zeros(1)}, {"preset": "tiny"})
    with pytest.raises(ModelError, match="not of edgy train-speaker"):
        speaker.load_speaker(tmp_path / "other.safetensors", conditioned)


def test_the_command_trains(tiny_file: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--corpus", str(tones), "--out", str(tmp_path), "--steps", "1", "--speakers", "2"]
    assert main(["train-speaker", "--preset", str(tiny_file), "--seed", str(SEED), *options]) == 0

    assert "on held-out speakers" in capsys.readouterr().out
    assert (tmp_path / speaker.FILE).is_file()
