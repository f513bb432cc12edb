import errno
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from edgy_tf.errors import ModelError
from edgy_tf.preset import Preset
from edgy_tf.train.checkpoint import FILE, Checkpoint
from edgy_tf.weights import save_arrays


@pytest.fixture
def checkpoint(tiny: Preset) -> Checkpoint:
    rng = np.random.default_rng(0)
    return Checkpoint(
        preset=tiny,
        speakers=[("nobody", ""), ("amy", "F"), ("ben", "")],
        phase=1,
        step=7,
        seed=3,
        model={
            "quantizer/codebook": rng.random((16, 4), np.float32),
            # A transposed array is not contiguous, and a counter has no dimensions.
            "mel_head/kernel": rng.random((3, 5), np.float32).T,
            "quantizer/updates": np.array(9, np.float32),
        },
        optimizer={"adam/iteration": np.array(7, np.int64)},
    )


def test_what_is_saved_is_loaded(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path)
    for given in (tmp_path, tmp_path / FILE):
        loaded = Checkpoint.load(given)
        assert replace(loaded, model={}, optimizer={}) == replace(checkpoint, model={}, optimizer={})
        for ours, theirs in ((checkpoint.model, loaded.model), (checkpoint.optimizer, loaded.optimizer)):
            assert ours.keys() == theirs.keys()
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name])
                assert (theirs[name].dtype, theirs[name].shape) == (ours[name].dtype, ours[name].shape)
    assert loaded.network.codebook_id == checkpoint.network.codebook_id
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


def test_a_lineage_has_every_preset_as_far_as_it_came(checkpoint: Checkpoint, tiny: Preset, tmp_path: Path) -> None:
    replace(checkpoint, earlier=(tiny,)).save(tmp_path)
    first, last = Checkpoint.load(tmp_path).lineage
    assert first == tiny
    phases = tiny.train.phases
    assert last.train.phases == (phases[0], replace(phases[1], steps=checkpoint.step))
    assert replace(last, train=tiny.train) == tiny
    assert replace(checkpoint, step=0).lineage[0].train.phases == phases[:1]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_former(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    checkpoint.save(tmp_path)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(ModelError, match="No space left on device") as failure:
        replace(checkpoint, step=8).save(tmp_path)
    assert len(str(failure.value).splitlines()) == 1
    monkeypatch.undo()
    assert Checkpoint.load(tmp_path).step == 7
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_an_interruption_while_writing_leaves_the_former(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path)

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace(checkpoint, step=8).save(tmp_path)
    assert Checkpoint.load(tmp_path).step == 7
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_that_is_not_there_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone"):
        checkpoint.save(tmp_path / "gone")
    with pytest.raises(ModelError, match=r"no weights at .*gone"):
        Checkpoint.load(tmp_path / "gone")
    with pytest.raises(ModelError, match=r"no weights at .*checkpoint\.safetensors"):
        Checkpoint.load(tmp_path)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "not ours": lambda whole: b"%PDF-1.7 nothing of the kind",
    "a header that promises too much": lambda whole: b"\xff" * 8 + whole[8:],
    "cut in the header": lambda whole: whole[:40],
    "cut in the arrays": lambda whole: whole[:-1],
    "longer than it says": lambda whole: whole + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(
    checkpoint: Checkpoint, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    checkpoint.save(tmp_path)
    file = tmp_path / FILE
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelError, match=r"checkpoint\.safetensors is not an EDGY weights file or is damaged$"):
        Checkpoint.load(tmp_path)


def test_somebody_elses_safetensors_is_refused(tmp_path: Path) -> None:
    for metadata in (None, {"format": "pt"}, {"edgy": "{"}):
        save_file({"a": np.zeros(3)}, tmp_path / FILE, metadata)
        with pytest.raises(ModelError, match="is not an EDGY weights file"):
            Checkpoint.load(tmp_path)


def test_weights_of_another_kind_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.network.save(tmp_path / FILE)
    with pytest.raises(ModelError, match="holds weights, but is not a training checkpoint"):
        Checkpoint.load(tmp_path)
    about: dict[str, Any] | list[str]
    for about in ({}, [], {"preset": asdict(checkpoint.preset), "speakers": ["amy"]}):
        save_arrays(tmp_path / FILE, {"a": np.zeros(3)}, about)  # type: ignore[arg-type]
        with pytest.raises(ModelError, match="holds weights, but is not a training checkpoint"):
            Checkpoint.load(tmp_path)
