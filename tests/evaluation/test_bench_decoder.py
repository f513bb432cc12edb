"""What a WaveRNN costs by arithmetic, and a report that puts measurements beside it."""

import re
from pathlib import Path

import pytest

import evaluation.bench_decoder
from edgy_tf.preset import load_preset
from evaluation.bench_decoder import Machine, Work, main


def test_the_full_size_costs_what_arithmetic_says() -> None:
    work = Work.of(load_preset("paper"))
    weights = 3 * 896 * 896 + 896 * 256 + 256 * 1024
    assert work == Work(2 * 16000 * weights, 16000, 4 * weights)
    # Alone, a row waits for the weights to be read; of many rows, the products are what takes time.
    machine = Machine(flops=100e9, cache=50e9, memory=10e9)
    assert work.limit(machine, 1) == pytest.approx(16000 * 4 * weights / 50e9)
    assert work.limit(machine, 64) == pytest.approx(2 * 16000 * weights / 100e9)


def test_a_bunch_shares_a_step() -> None:
    work = Work.of(load_preset("pi"))
    assert work.steps == 4000
    assert work.flops == 2 * 4000 * (3 * 256 * 256 + 256 * 4 * 128 + 4 * 128 * 256)


def test_streams_folds_and_the_naive_loop_are_measured_in_one_run(
    tiny_release: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation.bench_decoder, "FULL", str(tiny_file))
    main(["--release", str(tiny_release), "--streams", "1", "3", "--runs", "1"])
    said = capsys.readouterr().out
    for start in ("an utterance", "  1 streams", "  3 streams", "naive loop"):
        (line,) = (line for line in said.splitlines() if line.startswith(start))
        assert float(re.findall(r"RTF +([0-9.]+) CPU", line)[0]) > 0
    naive = int(re.findall(r"(\d+) times as long", said)[0])
    assert naive > 5
