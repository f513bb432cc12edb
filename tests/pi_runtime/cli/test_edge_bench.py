"""What ``edgy-edge bench`` prints and writes: the same figures, of as many frames as were asked for."""

import json
from pathlib import Path

import pytest

from pi_runtime import benchmark as module
from pi_runtime import read_info
from pi_runtime.benchmark import Stage, benchmark
from pi_runtime.cli.main import main


def test_the_figures_are_those_of_the_file(tiny_release: Path, tmp_path: Path) -> None:
    model = tiny_release / "encoder-int8.tflite"
    assert main(["bench", "--model", str(model), "--seconds", "2", "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    info = read_info(model)
    assert (found["model"], found["model_bytes"]) == (model.name, model.stat().st_size)
    assert found["frame_ms"] == 1000 * info.advance / info.sample_rate
    assert found["lookahead_ms"] == info.lookahead_ms
    assert found["load_us"] > 0
    for stage in (found["preprocess"], found["encode"], found["latency"]):
        assert stage["count"] == -(-2 * info.sample_rate // info.advance)
        assert 0 < stage["min"] <= stage["p50"] <= stage["p95"] <= stage["p99"] <= stage["max"]
    assert found["latency"]["avg"] == pytest.approx(found["preprocess"]["avg"] + found["encode"]["avg"])
    assert found["rtf"] == pytest.approx(found["latency"]["avg"] / 1000 / found["frame_ms"])
    assert 0 <= found["load_rss_bytes"] < found["peak_rss_bytes"]


def test_it_prints_what_benchmark_model_prints(tiny_release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--release", str(tiny_release), "--seconds", "1", "--threads", "2"]) == 0
    out = capsys.readouterr().out
    for words in (
        "Graph: [encoder-int8.tflite]",
        "Runtime: [ai_edge_litert]",
        "#threads used for CPU inference: [2]",
        "The input model file size (MB): ",
        "Initialized session in ",
        "Inference timings in us: Init: ",
        "Median latency of a frame beyond the look-ahead of ",
        "Real-time factor: ",
        "peak=",
    ):
        assert words in out


def test_each_frame_runs_the_model_once(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``benchmark`` itself refuses (by a strict zip) to pair times that do not belong together."""
    monkeypatch.setattr(module, "WARM_UP_S", 0)
    assert benchmark(tiny_release / "encoder-float32.tflite", seconds=0.01).encode.count == 1


def test_the_first_frame_is_told_but_not_counted() -> None:
    stage = Stage.of([9.0, 5.0, 1e-6, 3e-6], warm_up=2)
    assert (stage.count, stage.first, stage.min, stage.avg, stage.max) == pytest.approx((2, 9e6, 1, 2, 3))


@pytest.mark.parametrize("arguments", [["--release", "nowhere"], ["--model", "none.tflite"], ["--variant", "int4"]])
def test_what_is_no_encoder_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("edgy-edge bench: ")
    assert error.count("\n") == 1
