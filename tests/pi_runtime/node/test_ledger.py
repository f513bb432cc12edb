"""The ledger tells every message that left, whatever the clock does; what it cannot record must not leave."""

import threading
import time
from pathlib import Path

import pytest

from edgy_tf.errors import StorageError
from edgy_tf.wire.packets import EndPacket
from pi_runtime.node.ledger import CONTROL, Ledger
from pi_runtime.node.levels import Level
from pi_runtime.node.utterance import Utterance

DAY = 86400


def test_totals_by_day_kind_level_and_destination(tmp_path: Path) -> None:
    clock = [time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))]
    ledger = Ledger(tmp_path / "x.db", now=lambda: clock[0])
    one, other = Utterance(Level("text")), Utterance(Level("pseudonym", "kitchen"))
    ledger.record(CONTROL, 100, one, "cloud")
    ledger.packet(EndPacket(0, 0, 0).to_bytes(), one, "cloud")
    clock[0] += DAY
    ledger.record(CONTROL, 7, one, "cloud")
    ledger.record(CONTROL, 8, one, "cloud")
    ledger.record(CONTROL, 9, other, "cloud")
    rows = [(t.day, t.kind, t.level, t.messages, t.bytes) for t in ledger.totals()]
    assert rows == [
        ("2026-03-01", "control", "text", 1, 100),
        ("2026-03-01", "end", "text", 1, 27),
        ("2026-03-02", "control", "pseudonym:kitchen", 1, 9),
        ("2026-03-02", "control", "text", 2, 15),
    ]
    assert [m[3] for m in ledger.messages(2)] == [one.stream, other.stream]


def test_a_clock_that_jumps_changes_neither_order_nor_sums(tmp_path: Path) -> None:
    clock = [1e9]
    ledger = Ledger(tmp_path / "x.db", now=lambda: clock[0])
    for size, jump in enumerate((0, 10 * DAY, -300 * DAY, 5), start=1):
        clock[0] += jump
        ledger.record(CONTROL, size, Utterance(Level("text")), "cloud")
    assert [m[2] for m in ledger.messages(10)] == [1, 2, 3, 4]
    assert sum(t.bytes for t in ledger.totals()) == 10


def test_details_are_bounded_and_totals_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "x.db", detail=10)
    for _ in range(25):
        ledger.record(CONTROL, 2, Utterance(Level("text")), "cloud")
    assert len(ledger.messages(100)) == 10
    assert sum(t.bytes for t in ledger.totals()) == 50


def test_a_process_that_is_gone_leaves_every_line_and_two_may_write(tmp_path: Path) -> None:
    ledgers = [Ledger(tmp_path / "x.db") for _ in range(2)]
    utterance = Utterance(Level("text"))

    def write(ledger: Ledger) -> None:
        for _ in range(50):
            ledger.record(CONTROL, 1, utterance, "cloud")

    threads = [threading.Thread(target=write, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(t.messages for t in Ledger(tmp_path / "x.db").totals()) == 100


def test_what_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all, but long enough to be taken for one" * 20)
    with pytest.raises(StorageError, match="cannot use the ledger"):
        Ledger(tmp_path / "x.db")


def test_a_ledger_that_cannot_be_written_says_that_nothing_is_sent(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "x.db")
    ledger.close()
    with pytest.raises(StorageError, match="nothing is sent"):
        ledger.record(CONTROL, 1, Utterance(Level("text")), "cloud")
