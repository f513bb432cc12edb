"""The cost of an encoder is measured where nothing else runs, and comes as JSON."""

import contextlib
import dataclasses
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.cost import cost_of
from edgy_tf.errors import ModelError
from edgy_tf.preset import Preset
from edgy_tf.releases import find_release
from evaluation import stages
from evaluation.cost import STAGES, EncoderCost, main, measure_cost


@pytest.fixture(scope="module")
def costs(tiny_release: Path) -> list[EncoderCost]:
    # What a process held before exec must not count as what it holds after.
    ballast = np.ones(400 << 20, np.uint8)
    measured = measure_cost(str(tiny_release), seconds=0.5, runs=3)
    assert ballast.all()
    return measured


def test_every_stage_is_measured(costs: list[EncoderCost]) -> None:
    assert [cost.num_threads for cost in costs] == sorted({cost.num_threads for cost in costs})
    assert costs[0].num_threads == 1
    for cost in costs:
        assert tuple(stage.stage for stage in cost.stages) == STAGES
        for stage in cost.stages:
            assert 0 < stage.wall_s <= stage.wall_p95_s
            assert 0 < stage.cpu_s <= stage.cpu_p95_s
            assert stage.first_wall_s > 0
            assert 5e6 < stage.peak_rss_bytes < 300e6
            assert 0 < stage.python_peak_bytes < stage.peak_rss_bytes


def test_sizes_and_arithmetic(costs: list[EncoderCost], tiny: Preset, tiny_release: Path) -> None:
    model = find_release(str(tiny_release)).encoder("int8").read_bytes()
    for cost in costs:
        assert (cost.variant, cost.num_runs, cost.warmup_runs, cost.audio_s) == ("int8", 3, 1, 0.5)
        assert cost.model_bytes == len(model)
        assert cost.gzip_bytes == len(gzip.compress(model, 9))
        assert cost.macs_per_s == cost_of(tiny).encoder_macs
        assert cost.bits_per_s == cost_of(tiny).bit_rate


def test_costs_go_into_json(costs: list[EncoderCost]) -> None:
    table = json.loads(json.dumps([dataclasses.asdict(cost) for cost in costs]))
    assert table[0]["stages"][2]["stage"] == "encode"


def test_the_measured_process_holds_no_more_than_a_device() -> None:
    code = "import evaluation.cost, pi_runtime, edgy_tf.frontend, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"tensorflow", "keras", "scipy", "librosa", "soundfile", "tqdm"} & set(loaded)


def test_what_cannot_be_measured(tiny_release: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no 'int3' encoder"):
        measure_cost(str(tiny_release), "int3")
    release = find_release(str(tiny_release))
    good = release.encoder("int8").read_bytes()
    for file in tiny_release.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    # The description behind the model is still whole.
    (tmp_path / "encoder-int8.tflite").write_bytes(bytes(1000) + good[1000:])
    with pytest.raises(ModelError, match="cannot be measured") as error:
        measure_cost(str(tmp_path), seconds=0.1, runs=1)
    assert "\n" not in str(error.value)


def test_a_folder_of_our_name_where_the_command_runs_is_left_alone(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "__init__.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    assert measure_cost(str(tiny_release), seconds=0.1, runs=1)


def test_stages_take_turns(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []
    worker = stages._worker

    @contextlib.contextmanager
    def watched(path: str) -> Iterator[Callable[[object], object]]:
        with worker(path) as ask:

            def noted(what: object) -> object:
                asked.append((Path(path).stem, what if isinstance(what, int) else "job"))
                return ask(what)

            yield noted

    monkeypatch.setattr(stages, "_worker", watched)
    paths = [find_release(str(tiny_release)).encoder(variant) for variant in ("float32", "int8")]
    job = {"stage": "encode", "threads": 1, "samples": 8000, "warmup_runs": 1}
    found = stages.measured_in_turn(
        [job | {"path": str(path), "runs": runs} for path, runs in zip(paths, (7, 3), strict=True)]
    )
    assert [cost.stage for cost in found] == ["encode", "encode"]
    assert all(cost.cpu_s > 0 for cost in found)
    a, b = (path.stem for path in paths)
    assert asked == [(a, "job"), (b, "job"), (a, 5), (b, 3), (a, 2), (a, 0), (b, 0)]


def test_the_command(tiny_release: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["cost", "--release", "nowhere"])
    assert main() == 2
    assert capsys.readouterr().err.count("\n") == 1
