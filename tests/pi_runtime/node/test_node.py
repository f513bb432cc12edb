"""The whole node in one process: faults of network, source, disk and clock, and what the cloud has in the end."""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.errors import SourceError
from edgy_tf.voice_file import save_voice
from edgy_tf.wire import Stream, read_stream
from pi_runtime import EdgeEncoder
from pi_runtime.node.counts import Counts
from pi_runtime.node.gate import END, START, Detector, Gate
from pi_runtime.node.ledger import Ledger
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.node import Node
from pi_runtime.node.session import Session
from pi_runtime.node.settings import Settings
from pi_runtime.node.sinks import FolderSink, Sink
from pi_runtime.node.sources import CHUNK
from pi_runtime.node.spool import Spool
from pi_runtime.node.uplink import StreamUplink
from tests.pi_runtime.node.cloud import Cloud
from tests.pi_runtime.node.conftest import with_cloud

PURE_SILENCE = bytes(320)


def loud(frame: bytes) -> float:
    """A detector without memory, so that the same sound is cut alike wherever it stands; quick at pure silence."""
    return float(frame != PURE_SILENCE and np.frombuffer(frame, "<i2").max() > 500)


class Recorded:
    """A source that plays what a script yields: sound, errors, or functions to call in between."""

    def __init__(self, *script: np.ndarray | Exception | Callable[[], object], live: bool = False) -> None:
        self.live = live
        self._script = iter(script)

    def chunks(self, stop: threading.Event) -> Iterator[np.ndarray]:
        for step in self._script:
            if isinstance(step, Exception):
                raise step
            if not isinstance(step, np.ndarray):
                step()
                continue
            for start in range(0, len(step), CHUNK):
                if stop.is_set():
                    return
                yield step[start : start + CHUNK]


@dataclasses.dataclass
class Run:
    """A node, its parts, and what they did."""

    settings: Settings
    session: Session
    counts: Counts = dataclasses.field(default_factory=Counts)
    spool_limit: int = 1 << 20

    def __post_init__(self) -> None:
        self.folder = self.settings.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        level = Level.parse(self.settings.level)
        self.level = ChosenLevel(self.folder / "level.json", level, self.settings.check)
        self.spool = Spool(self.folder / "spool", self.spool_limit)
        self.ledger = Ledger(self.folder / "disclosures.db")

    def node(self, source: Recorded, sink: Sink | None = None) -> Node:
        sink = sink or StreamUplink(self.settings.sink, "", self.ledger)
        gate = Gate(self.settings.gate, loud)
        return Node(source, gate, self.session, self.level, self.spool, sink, self.counts, lambda: repeat(0.02))

    def __call__(self, source: Recorded, sink: Sink | None = None) -> None:
        asyncio.run(asyncio.wait_for(self.node(source, sink).run(), 60))


def speech_of(pcm: np.ndarray, detector: Detector | None = loud) -> list[np.ndarray]:
    """The utterances that the gate finds in a recording."""
    gate = Gate(Settings().gate, detector)
    utterances: list[list[np.ndarray]] = []
    for step in [*gate.process(pcm), *gate.flush()]:
        if isinstance(step, str):
            assert step in (START, END)
            utterances += [[]] if step == START else []
        else:
            utterances[-1].append(step)
    return [np.concatenate(parts) for parts in utterances]


def in_order(cloud: Cloud) -> list[Stream]:
    """What the cloud has, in the order in which it was done."""
    return [read_stream(cloud.streams[name].data) for name in cloud.finished]


def same_codes(streams: list[Stream], pcm: np.ndarray) -> None:
    """The streams hold the codes of the speech in a recording, each utterance once and in order."""
    encoder = EdgeEncoder.from_release("pi")
    expected = speech_of(pcm)
    assert len(streams) == len(expected)
    for stream, speech in zip(streams, expected, strict=True):
        np.testing.assert_array_equal(stream.codes, encoder.encode(speech))
        assert stream.samples == len(speech)


def test_speech_becomes_streams_and_silence_none(
    settings: Settings, session: Session, cloud: Cloud, talk: np.ndarray, silence: np.ndarray
) -> None:
    run = Run(with_cloud(settings, cloud), session)
    run(Recorded(talk))
    same_codes(in_order(cloud), talk)
    assert (run.counts.utterances, run.counts.delivered, len(run.spool)) == (3, 3, 0)
    before = sum(t.bytes for t in run.ledger.totals())
    run(Recorded(*[silence] * 5))
    assert sum(t.bytes for t in run.ledger.totals()) == before


def test_the_network_is_away_for_an_hour(
    settings: Settings, session: Session, talk: np.ndarray, silence: np.ndarray
) -> None:
    """An hour of talk and pauses, at full speed, against a closed port; then the cloud comes and gets all in order."""
    cloud = Cloud()
    with cloud.running():
        pass  # now its port is known and closed
    hour = [talk, np.tile(silence, 194)] * 12
    assert sum(map(len, hour)) / 16000 > 3600
    run = Run(with_cloud(settings, cloud), session)
    back = threading.Event()

    def network_returns() -> None:
        deadline = time.monotonic() + 30
        while not run.counts.failures and time.monotonic() < deadline:
            time.sleep(0.01)
        back.set()

    async def both() -> None:
        node = asyncio.create_task(run.node(Recorded(*hour, network_returns, live=True)).run())
        await asyncio.to_thread(back.wait, 120)
        assert run.counts.failures > 0
        assert cloud.finished == []
        with cloud.running():
            await node

    asyncio.run(both())
    assert (run.counts.delivered, run.spool.dropped) == (36, 0)
    same_codes(in_order(cloud)[:3], talk)
    same_codes(in_order(cloud)[-3:], talk)


def test_above_the_limit_the_oldest_go_and_are_counted(settings: Settings, session: Session, talk: np.ndarray) -> None:
    cloud = Cloud()
    with cloud.running():
        pass
    run = Run(with_cloud(settings, cloud), session, spool_limit=4 * 4096)
    first = run.node(Recorded(talk, talk, talk, live=True))
    threading.Thread(target=first.listen).run()
    assert (len(run.spool), run.spool.dropped) == (4, 5)
    with cloud.running():
        run(Recorded())
    same_codes(in_order(cloud)[1:], talk)


def test_a_file_waits_for_the_network_instead(settings: Settings, session: Session, talk: np.ndarray) -> None:
    cloud = Cloud()
    with cloud.running():
        pass
    run = Run(with_cloud(settings, cloud), session, spool_limit=4 * 4096)

    async def both() -> None:
        node = asyncio.create_task(run.node(Recorded(talk, talk, talk)).run())
        while not run.spool.crowded:
            await asyncio.sleep(0.01)
        with cloud.running():
            await node

    asyncio.run(asyncio.wait_for(both(), 60))
    assert run.spool.dropped == 0
    assert len(cloud.finished) == 9


def test_the_server_is_killed_in_the_middle_of_a_stream(
    settings: Settings, session: Session, cloud: Cloud, talk: np.ndarray
) -> None:
    cloud.hang_up_after = [1, 0, 1, 0]
    run = Run(with_cloud(settings, cloud), session)
    run(Recorded(talk))
    same_codes(in_order(cloud), talk)
    assert sum(stream.repeats for stream in cloud.streams.values()) == 0
    assert run.counts.failures == 4


def test_the_server_is_restarted_and_remembers_nothing(
    settings: Settings, session: Session, phrase: np.ndarray, silence: np.ndarray
) -> None:
    cloud, pcm = Cloud(), np.concatenate([silence, phrase, silence])
    up = cloud.running()
    up.__enter__()

    def restart() -> None:
        nonlocal up
        cloud.wait(lambda: any(stream.packets for stream in cloud.streams.values()))
        up.__exit__(None, None, None)
        cloud.streams.clear()
        up = cloud.running()
        up.__enter__()

    # In the middle of the phrase, when the first second of it has arrived.
    middle = len(silence) + len(phrase) * 9 // 10
    Run(with_cloud(settings, cloud), session)(Recorded(pcm[:middle], restart, pcm[middle:]))
    same_codes(in_order(cloud), pcm)
    up.__exit__(None, None, None)


def test_the_microphone_is_unplugged_and_comes_back(
    settings: Settings,
    session: Session,
    cloud: Cloud,
    phrase: np.ndarray,
    silence: np.ndarray,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    gone = SourceError("the microphone gives no sound")
    before, after = np.concatenate([silence, phrase]), np.concatenate([silence, phrase, silence])
    run = Run(with_cloud(settings, cloud), session)
    run(Recorded(before, gone, gone, gone, after, live=True))
    streams = in_order(cloud)
    # What had been said before is whole: an utterance is ended, not lost.
    same_codes(streams[:1], before)
    assert len(streams) == 2
    assert run.counts.interruptions == 3
    assert caplog.text.count("gives no sound") == 1
    assert caplog.text.count("listening") == 2


def test_a_clock_that_jumps_changes_nothing(
    settings: Settings, session: Session, cloud: Cloud, talk: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1.7e9]

    def jump(seconds: float) -> Callable[[], None]:
        return lambda: now.__setitem__(0, now[0] + seconds)

    run = Run(with_cloud(settings, cloud), session)
    run.ledger = Ledger(run.folder / "disclosures.db", now=lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: now[0])
    third = len(talk) // 3
    run(Recorded(talk[:third], jump(-1e8), talk[third : 2 * third], jump(2e8), talk[2 * third :]))
    same_codes(in_order(cloud), talk)
    recorded = sum(t.bytes for t in run.ledger.totals() if t.kind not in ("control",))
    assert recorded == sum(len(stream.data) for stream in cloud.streams.values())


def test_a_full_disk_holds_speech_back_and_loses_none(
    settings: Settings, session: Session, cloud: Cloud, talk: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither spool nor ledger can be written: what cannot be recorded does not leave, until there is room again."""
    import os

    from edgy_tf.errors import StorageError

    run = Run(with_cloud(settings, cloud), session)
    write, record = os.write, run.ledger.record

    def full(*args: object) -> None:
        raise StorageError("the ledger cannot be written (disk full), so nothing is sent")

    def room() -> None:
        deadline = time.monotonic() + 20
        while not run.counts.failures and time.monotonic() < deadline:
            time.sleep(0.01)
        assert cloud.streams == {}
        monkeypatch.setattr(os, "write", write)
        monkeypatch.setattr(run.ledger, "record", record)

    monkeypatch.setattr(os, "write", lambda file, data: write(file, data) if file < 3 else 0)
    monkeypatch.setattr(run.ledger, "record", full)
    run(Recorded(talk, room))
    same_codes(in_order(cloud), talk)


def test_levels_take_effect_with_the_next_utterance(
    settings: Settings, session: Session, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray
) -> None:
    run = Run(with_cloud(settings, cloud, "anonymous"), session)

    def choose(level: str) -> Callable[[], None]:
        return lambda: run.level.choose(Level.parse(level))

    half = len(phrase) // 2
    said: list[np.ndarray | Callable[[], None]] = [
        silence,
        phrase[:half],
        choose("pseudonym:kitchen"),
        phrase[half:],
        silence,
    ]
    run(Recorded(*said, phrase, choose("text"), silence, phrase, silence))
    openings = [cloud.streams[name].opening for name in cloud.finished]
    assert [(o["level"], o.get("voice")) for o in openings] == [
        ("anonymous", None),
        ("pseudonym", "kitchen"),
        ("text", None),
    ]


def test_only_identity_sends_the_voice_and_only_with_consent(
    settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray, tmp_path: Path
) -> None:
    me = np.arange(8, dtype=np.float32) / 7
    save_voice(tmp_path / "me.npz", me, EdgeEncoder.from_release("pi").info.codebook_id)
    consenting = dataclasses.replace(
        with_cloud(settings, cloud, "identity"), voice_file=str(tmp_path / "me.npz"), identity_consent=True
    )
    run = Run(consenting, Session(consenting))
    pcm = np.concatenate([silence, phrase, silence])
    run(Recorded(pcm, lambda: run.level.choose(Level("anonymous")), pcm))
    mine, blend = in_order(cloud)
    assert mine.speaker is not None
    np.testing.assert_array_equal(mine.speaker, me)
    assert blend.speaker is None
    assert {t.level for t in run.ledger.totals() if t.kind == "speaker vector"} == {"identity"}


def test_a_folder_as_a_sink_discloses_nothing(
    settings: Settings, session: Session, talk: np.ndarray, tmp_path: Path
) -> None:
    run = Run(settings, session)
    run(Recorded(talk), FolderSink(tmp_path / "streams"))
    files = sorted((tmp_path / "streams").iterdir(), key=lambda f: f.stat().st_mtime_ns)
    same_codes([read_stream(file) for file in files], talk)
    assert run.ledger.totals() == []


def test_a_mistake_of_ours_ends_the_node(settings: Settings, session: Session, talk: np.ndarray) -> None:
    class Broken:
        async def deliver(self, utterance: object) -> str:
            raise ZeroDivisionError("a mistake of ours")

    with pytest.raises(ZeroDivisionError):
        Run(settings, session)(Recorded(talk), Broken())
