import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgy_tf.corpora import Corpus, open_corpus
from edgy_tf.errors import CorpusError, ModelError
from edgy_tf.preset import Preset, load_preset
from edgy_tf.preset_training import Content, Phase
from edgy_tf.reading import DOWN, UP, Reading
from edgy_tf.train import dictation, trainer
from edgy_tf.train.checkpoint import FILE, Checkpoint
from edgy_tf.train.trainer import Run, train
from edgy_tf.weights import save_arrays
from edgy_tf.whisper_base import ZERO

Curves = Callable[[Path], dict[str, dict[int, float]]]

# Of the `eagerly` fixture, which has no need of eager datasets.
pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")

EVERY = 4
"""Steps between the checkpoints of ``tiny_run``."""


@pytest.fixture(scope="module")
def corpus(tones: Path) -> Corpus:
    return open_corpus(tones)


@pytest.fixture
def run(tiny_run: Path, tiny: Preset, corpus: Corpus, tmp_path: Path) -> Run:
    """The finished run, in a folder that may be changed."""
    out = tmp_path / "run"
    shutil.copytree(tiny_run, out)
    return Run(tiny, corpus, out, every=EVERY)


def _start(preset: Path, tones: Path, out: Path, every: int = EVERY, **environment: str) -> subprocess.Popen:
    """``edgy train`` in a process of its own."""
    options: list[str | Path] = ["--preset", preset, "--corpus", tones, "--out", out, "--every", str(every)]
    return subprocess.Popen(
        [sys.executable, "-m", "edgy_tf.cli.main", "train", *options, "--precision", "float32"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _assert_equal(one: Checkpoint, other: Checkpoint) -> None:
    assert replace(one, model={}, optimizer={}) == replace(other, model={}, optimizer={})
    for a, b in ((one.model, other.model), (one.optimizer, other.optimizer)):
        assert a.keys() == b.keys()
        assert not [name for name in a if not np.array_equal(a[name], b[name])]


def test_a_run_goes_through_all_phases(tiny_run: Path, tiny: Preset, corpus: Corpus, curves: Curves) -> None:
    state = Checkpoint.load(tiny_run)
    assert (state.preset, state.seed, state.phase, state.step) == (tiny, 0, 1, tiny.train.phases[1].steps)
    # A row for nobody, and one for everybody who may train and is not held out.
    assert state.speakers[0] == ("nobody", "")
    trained = corpus.select(split="train")
    genders = {u.speaker: u.gender for u in trained.utterances}
    assert 0 < len(state.speakers) - 1 < len(genders)
    assert set(state.speakers[1:]) < set(genders.items())
    assert state.model["speaker/embeddings"].shape[0] == len(state.speakers)
    assert all(np.isfinite(v).all() for v in state.model.values())
    # The steps of a phase are rounded up to whole checkpoints.
    for phase, steps, name in ((0, [4, 8], "mel"), (1, [4], "nll")):
        logs = curves(tiny_run / "logs" / f"phase{phase}")
        assert list(logs["loss"]) == list(logs[f"val_{name}"]) == steps
    mel = curves(tiny_run / "logs" / "phase0")["mel"]
    assert mel[8] < mel[4]


def test_a_killed_run_goes_on_to_the_same_end(
    tiny_run: Path, tiny: Preset, tiny_file: Path, tones: Path, corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    process = _start(tiny_file, tones, out)
    while not (out / FILE).exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, output
    cut = Checkpoint.load(out)
    end = Checkpoint.load(tiny_run)
    assert (cut.phase, cut.step) < (end.phase, end.step)
    _assert_equal(train(Run(tiny, corpus, out, every=EVERY)), end)


def test_a_finished_run_is_left_as_it_is(run: Run) -> None:
    before = (run.out / FILE).read_bytes()
    _assert_equal(train(run), Checkpoint.load(run.out))
    assert (run.out / FILE).read_bytes() == before


CHANGES: dict[str, Callable[[Run], Run]] = {
    "seed": lambda run: replace(run, seed=1),
    "preset": lambda run: replace(run, preset=replace(run.preset, name="other")),
    "corpus": lambda run: replace(run, corpus=run.corpus.select(speakers=run.corpus.speakers[1:])),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_run_is_not_gone_on_with(run: Run, change: Callable[[Run], Run]) -> None:
    before = (run.out / FILE).read_bytes()
    with pytest.raises(ModelError, match="holds a run of another preset, corpus or seed") as refusal:
        train(change(run))
    assert len(str(refusal.value).splitlines()) == 1
    assert (run.out / FILE).read_bytes() == before


def test_a_damaged_checkpoint_is_refused_and_not_replaced(run: Run) -> None:
    (run.out / FILE).write_bytes(b"damaged")
    with pytest.raises(ModelError, match="is damaged"):
        train(run)
    assert (run.out / FILE).read_bytes() == b"damaged"


def test_one_speaker_is_too_few(run: Run) -> None:
    alone = run.corpus.select(speakers=run.corpus.speakers[:1])
    with pytest.raises(CorpusError, match="add speakers"):
        train(replace(run, corpus=alone))


@pytest.fixture
def short(tiny: Preset, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A step of everything at once, the WaveRNN and an encoder that is not frozen, on a few samples."""
    monkeypatch.setattr(trainer, "VALIDATION_BATCHES", 1)
    phases = (Phase("wave", steps=1, codes=3, wave_codes=1, batch=2),)
    preset = replace(tiny, front_end=replace(tiny.front_end, hop=16), train=replace(tiny.train, phases=phases))
    return Run(preset, corpus, tmp_path / "short", every=1)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_single_precision_weights(short: Run, precision: str) -> None:
    state = train(replace(short, precision=precision))
    for arrays in (state.model, state.optimizer):
        assert {v.dtype for v in arrays.values() if v.dtype.kind == "f"} == {np.dtype(np.float32)}
        assert all(np.isfinite(v).all() for v in arrays.values())
    # What underflows in float16 is scaled up for as long as it overflows nowhere.
    scales = [value for name, value in state.optimizer.items() if name.endswith("dynamic_scale")]
    assert [value > 100 for value in scales] == [True] * (precision == "mixed_float16")
    moved = [name for name, value in state.optimizer.items() if "momentum" in name and value.any()]
    assert len(moved) > 20


@pytest.mark.usefixtures("eagerly")
def test_a_loss_that_is_no_number_leaves_the_former_checkpoint(short: Run) -> None:
    phases = (Phase("mel", steps=9, codes=3, batch=2),)
    preset = replace(short.preset, train=replace(short.preset.train, learning_rate=1e30, phases=phases))
    with pytest.raises(ModelError, match="the loss is not a number any more"):
        train(replace(short, preset=preset))
    state = Checkpoint.load(short.out)
    assert state.step < 9
    assert all(np.isfinite(v).all() for v in state.model.values())


@pytest.mark.usefixtures("eagerly")
def test_jax_trains_the_same_network(
    short: Run, tiny_run: Path, tiny_file: Path, tones: Path, curves: Curves, tmp_path: Path
) -> None:
    # Both go on from the same weights, on short frames, with two small steps of everything at once.
    file = tmp_path / "longer.toml"
    text = tiny_file.read_text().replace("hop = 160", "hop = 16").replace("rate = 3e-3", "rate = 1e-4")
    more = '    { target = "wave", steps = 2, codes = 3, wave_codes = 1, batch = 2 },\n]\n'
    file.write_text(text.rstrip().removesuffix("]") + more)
    preset = load_preset(str(file))
    folders = {backend: tmp_path / backend for backend in ("tensorflow", "jax")}
    for folder in folders.values():
        folder.mkdir()
        replace(Checkpoint.load(tiny_run), preset=preset).save(folder)
    # Two devices share each batch. Two steps are not worth an optimised program.
    flags = {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_force_host_platform_device_count=2",
    }
    jax = _start(file, tones, folders["jax"], every=1, **flags)
    train(replace(short, preset=preset, out=folders["tensorflow"]))
    output, _ = jax.communicate(timeout=300)
    assert jax.returncode == 0, output
    ours, theirs = (curves(folder / "logs" / "phase2") for folder in folders.values())
    assert ours.keys() == theirs.keys()
    for name in ("loss", "mel", "nll", "commitment", "perplexity"):
        assert list(ours[name]) == list(theirs[name]) == [1, 2]
        np.testing.assert_allclose(theirs[name][1], ours[name][1], rtol=1e-4)
        # Adam has made a step of the noise in small gradients.
        np.testing.assert_allclose(theirs[name][2], ours[name][2], rtol=1e-2)
    one, other = (Checkpoint.load(folder) for folder in folders.values())
    assert one.model.keys() == other.model.keys()
    assert one.optimizer.keys() == other.optimizer.keys()


@pytest.fixture
def content(
    tiny: Preset,
    whisper_arrays: dict[str, np.ndarray],
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """A run with a content phase, and a small teacher for it."""
    monkeypatch.setattr(trainer, "VALIDATION_BATCHES", 1)
    phases = (
        Phase("content", steps=2, codes=8, batch=2, judged=1),
        Phase("content", steps=1, codes=8, batch=2, freeze=True, changed=0.5),
    )
    learned = replace(tiny.train, phases=phases, content=Content(pitch=0.5, formants=0.3, adversary=0.1, units=4))
    save_arrays(tmp_path / "teacher", whisper_arrays, {})
    preset = replace(tiny, train=learned)
    return Run(preset, corpus, tmp_path / "content", every=1, teacher=tmp_path / "teacher")


def test_a_content_run_goes_on_where_it_stopped_and_leaves_its_teacher_behind(
    content: Run, monkeypatch: pytest.MonkeyPatch, eagerly: None
) -> None:
    whole = train(content)
    assert not [name for name in whole.model if name.startswith("teacher")]
    assert [name for name in whole.model if name.startswith("adversary/")]
    stopped = replace(content, out=content.out.with_name("stopped"))

    def save_and_stop(checkpoint: Checkpoint, folder: Path) -> None:
        save(checkpoint, folder)
        if (checkpoint.phase, checkpoint.step) == (0, 1):
            raise KeyboardInterrupt

    save = Checkpoint.save
    monkeypatch.setattr(Checkpoint, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    monkeypatch.setattr(Checkpoint, "save", save)
    _assert_equal(train(stopped), whole)


def test_pages_are_spelled_by_a_recogniser_that_stays_behind(
    content: Run,
    monkeypatch: pytest.MonkeyPatch,
    eagerly: None,
    whole_whisper_arrays: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(trainer, "whisper_base", lambda: whole_whisper_arrays)
    monkeypatch.setattr(trainer, "whisper_arrays", lambda contents: contents)
    monkeypatch.setattr(trainer, "with_changes", lambda all_, few: all_ | {n: all_[n] + v for n, v in few.items()})
    monkeypatch.setattr(dictation, "_heard", lambda data: ((i, [ZERO, 7, 8]) for i in range(len(data.frames) - 1)))
    monkeypatch.setattr(dictation, "_tokenizer", lambda: SimpleNamespace(decode=lambda tokens: ""))
    phases = (Phase("content", steps=1, codes=8, batch=2, spelled=1),)
    silent = [replace(u, transcript=None) for u in content.corpus.utterances]
    run = replace(
        content,
        corpus=Corpus(silent),
        preset=replace(content.preset, train=replace(content.preset.train, phases=phases)),
    )
    found = train(run)
    unspelled = train(replace(content, out=tmp_path / "unspelled"))
    assert found.model.keys() == unspelled.model.keys()
    # Who has learned to read the codes writes something else, and so teaches something else.
    name, rng = "decoder/layer_0/attention/linear_0/weight", np.random.default_rng(0)
    adapters = {name + end: rng.standard_normal((128, 128)).astype(np.float32) for end in (UP, DOWN)}
    Reading("any", adapters).save(tmp_path / "reading")
    other = train(replace(run, out=tmp_path / "other", reading=tmp_path / "reading"))
    assert not np.array_equal(found.model["text_head/kernel"], other.model["text_head/kernel"])


def test_a_content_run_without_a_teacher_is_refused(content: Run) -> None:
    with pytest.raises(ModelError, match="no weights at"):
        train(replace(content, teacher=content.out / "missing"))
