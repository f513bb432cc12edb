"""The long run judges what it sees."""

import pytest

from edgy_tf.errors import EdgyError
from evaluation import bench_node
from evaluation.bench_node import PARTS, main


def test_minutes_pass_and_memory_is_told_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--hours", "0.1"])
    said = capsys.readouterr().out.splitlines()
    assert len(said) == PARTS + 1
    assert "0.10 h of sound" in said[PARTS - 1]
    # The recording and its pause, over six minutes.
    assert said[-1].startswith("36 streams")


def test_memory_that_grows_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter(range(100_000_000, 200_000_000, 1_000_000))
    monkeypatch.setattr(bench_node, "_resident", lambda: next(sizes))
    with pytest.raises(EdgyError, match=r"memory grew by 23\.0%"):
        main(["--hours", "0.1"])
