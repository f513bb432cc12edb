"""``python -m evaluation.compression.speed``: fewer filters against all of them, in the same numbers."""

from pathlib import Path

import pytest

from evaluation.compression import speed
from evaluation.compression.speed import Speed, page
from evaluation.stages import StageCost


def _speed(rate: float, numbers: str, macs: float, seconds: float, instructions: int | None) -> Speed:
    cost = StageCost("network", seconds, seconds, seconds, seconds, seconds, 1, 1)
    return Speed(rate, numbers, round(256 * (1 - rate)), macs, cost, instructions)


def test_each_is_held_against_the_whole_one_in_the_same_numbers() -> None:
    found = [
        _speed(0.0, "float32", 50e6, 0.06, 120_000_000),
        _speed(0.2, "float32", 33e6, 0.04, 80_000_000),
        _speed(0.0, "int8", 50e6, 0.02, None),
        _speed(0.2, "int8", 33e6, 0.016, None),
    ]
    lines = page(found, "pi", "a command", "a machine").splitlines()
    assert "| float32 | 20 % | 205 | 33.0 | 1.52 | 1.50 | 4.00 | 1.50 | 80.0 |" in lines
    assert "| int8 | 20 % | 205 | 33.0 | 1.52 | 1.25 | 1.60 | – | – |" in lines


def test_the_command_measures_every_width(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Without an emulator, and so without instructions.
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(speed, "SECONDS", 1)
    monkeypatch.setattr("sys.argv", ["speed", str(tiny_release), "--runs", "1", "--out", str(tmp_path / "docs")])
    speed.main()
    printed = capsys.readouterr()
    assert "instructions are not counted: qemu-aarch64 is not installed; run: make pi-userland" in printed.err
    text = (tmp_path / "docs" / speed.PAGE).read_text()
    assert text == printed.out.rstrip("\n") + "\n"
    for numbers in speed.NUMBERS:
        assert f"| {numbers} | 0 % | 8 | " in text
        assert f"| {numbers} | 60 % | 3 | " in text
    assert str(tmp_path) not in text
