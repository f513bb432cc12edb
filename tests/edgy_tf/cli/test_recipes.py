"""A release is trained again, by its name."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cli.main import main
from edgy_tf.models.vqvae import VQVAE
from edgy_tf.network import Network
from edgy_tf.preset import preset_from_dict
from edgy_tf.reading import Reading
from edgy_tf.releases import MANIFEST, READING, find_release
from edgy_tf.train.checkpoint import Checkpoint
from edgy_tf.train.reading import ReadingRun
from edgy_tf.train.start import start_from
from edgy_tf.weights import variables_of
from tests.edgy_tf.cli.refusals import refused


def test_a_release_is_trained_and_exported_again_by_its_name(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The run has come to its end already: what is left to do is to see that, and to export.
    shutil.copytree(tiny_run, tmp_path / "run")
    arguments = ["--recipe", str(tiny_release), "--corpus", str(tones), "--out", str(tmp_path / "run")]
    assert main(["train", *arguments]) == 0
    assert "codes equal to Keras" in capsys.readouterr().out
    first, again = find_release(str(tiny_release)), find_release(str(tmp_path / "run" / "tiny"))
    assert again.codebook_id == first.codebook_id
    assert again.files == first.files
    with pytest.raises(SystemExit):
        main(["train", *arguments, "--preset", "micro"])


def test_what_a_release_learned_by_before_is_trained_first(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path
) -> None:
    release, run = tmp_path / "tiny", tmp_path / "run"
    shutil.copytree(tiny_release, release)
    about = json.loads((release / MANIFEST).read_text())
    (release / MANIFEST).write_text(json.dumps(about | {"earlier": [about["preset"]]}))
    shutil.copytree(tiny_run, run / "1-tiny", ignore=shutil.ignore_patterns("prepared"))
    assert main(["train", "--recipe", str(release), "--corpus", str(tones), "--out", str(run)]) == 0
    assert [folder.parent for folder in run.rglob("prepared")] == [run]
    first, last = Checkpoint.load(tiny_run), Checkpoint.load(run)
    assert last.earlier == first.lineage
    again = json.loads((run / "tiny" / MANIFEST).read_text())
    assert [preset["train"]["phases"][-1]["steps"] for preset in again["earlier"]] == [first.step]
    assert not np.array_equal(last.model["conv1/kernel"], first.model["conv1/kernel"])


def test_every_run_of_the_recipe_of_pi_can_begin_with_the_one_before(tmp_path: Path) -> None:
    """All runs but for their steps, which take half a day; none asks for a file that a recipe has not."""
    release, speakers = find_release("pi"), [("nobody", ""), ("one reader", "F"), ("another", "M")]
    presets = [preset_from_dict(preset, "pi") for preset in release.lineage]
    for number, preset in enumerate(presets):
        assert preset.speaker.kind == "table"
        assert not any(phase.spelled for phase in preset.train.phases)
        model = VQVAE(preset, len(speakers), preset.train.phases[0])
        before = start_from(str(tmp_path / str(number - 1)), model, speakers) if number else ()
        assert [former.name for former in before] == [former.name for former in presets[:number]]
        last = len(preset.train.phases) - 1
        steps = preset.train.phases[last].steps
        done = Checkpoint(preset, speakers, last, steps, 0, variables_of(model), {}, before)
        (tmp_path / str(number)).mkdir()
        done.save(tmp_path / str(number))
    assert done.lineage == tuple(presets)
    trained = {name: value.shape for name, value in done.network.arrays.items()}
    released = {name: value.shape for name, value in Network.load(release.network).arrays.items() if "/" in name}
    assert released.items() <= trained.items()


def test_an_encoder_that_compression_made_is_not_trained_as_if_it_were_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "--recipe", "micro", "--corpus", tmp_path, "--out", tmp_path / "run"
    assert "compress made of pi" in refused(capsys, "train", *asked)
    assert not (tmp_path / "run").exists()


def test_what_reads_the_codes_of_a_release_is_learned_again_too(
    tiny_run: Path, tiny_release: Path, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, run = tmp_path / "tiny", tmp_path / "run"
    shutil.copytree(tiny_release, release)
    Reading("codes of another run", {}).save(release / READING)
    about = json.loads((release / MANIFEST).read_text())
    digest = hashlib.sha256((release / READING).read_bytes()).hexdigest()
    (release / MANIFEST).write_text(json.dumps(about | {"files": about["files"] | {READING: digest}}))
    shutil.copytree(tiny_run, run)

    def learn(asked: ReadingRun) -> Reading:
        assert asked.prepared == run / "prepared"
        asked.out.mkdir()
        learned = Reading(asked.release.codebook_id, {"a/down": np.ones((1, 2)), "a/up": np.ones((2, 1))})
        learned.save(asked.out / READING)
        return learned

    monkeypatch.setattr("edgy_tf.cli.train.whisper_base", dict)
    monkeypatch.setattr("edgy_tf.train.reading.train_reading", learn)
    assert main(["train", "--recipe", str(release), "--corpus", str(tones), "--out", str(run)]) == 0
    again = find_release(str(run / "tiny"))
    assert again.reading is not None
    assert Reading.load(again.reading).codebook_id == again.codebook_id == about["codebook_id"]
