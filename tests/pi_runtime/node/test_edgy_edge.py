"""``edgy-edge`` as a process: signals, kills, commands that talk to a running node."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import write_wav
from edgy_tf.wire import read_stream
from pi_runtime import EdgeEncoder
from pi_runtime.cli.main import COMMANDS, main
from pi_runtime.node.settings import Settings
from tests.pi_runtime.node.cloud import Cloud
from tests.pi_runtime.node.test_node import speech_of

ROOT = Path(__file__).parents[3]


@contextmanager
def edgy_edge(*arguments: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own; killed where the block leaves it running."""
    environment = {k: v for k, v in os.environ.items() if k not in ("JOURNAL_STREAM", "EDGY_TOKEN")}
    process = subprocess.Popen(
        [sys.executable, "-m", "pi_runtime.cli.main", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment | {"PYTHONPATH": str(ROOT)} | options.get("env", {}),  # type: ignore[operator]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process: subprocess.Popen[bytes], pcm: np.ndarray) -> None:
    assert process.stdin is not None
    process.stdin.write(pcm.astype("<i2").tobytes())
    process.stdin.flush()


def test_sigterm_in_the_middle_of_a_packet_ends_the_utterance_and_sends_it(
    settings: Settings, cloud: Cloud, phrase: np.ndarray, silence: np.ndarray
) -> None:
    pcm = np.concatenate([silence, phrase])
    with edgy_edge("run", "--source", "-", "--sink", cloud.url, "--state", settings.state) as process:
        say(process, pcm)
        cloud.wait(lambda: any(stream.packets for stream in cloud.streams.values()))
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    (stream,) = [read_stream(cloud.streams[name].data) for name in cloud.finished]
    assert output.decode() == f"{len(stream.codes)} codes\n"
    (speech,) = speech_of(pcm, None)
    whole = EdgeEncoder.from_release("pi").encode(speech)
    # The signal may come before the last tenths of a second were read.
    assert 50 <= len(stream.codes) <= len(whole)
    np.testing.assert_array_equal(stream.codes[:-10], whole[: len(stream.codes) - 10])
    assert list((settings.folder / "spool").glob("*.edgy")) == []


def test_a_killed_node_has_lost_nothing_that_it_had_encoded(
    settings: Settings, phrase: np.ndarray, silence: np.ndarray
) -> None:
    cloud = Cloud()
    with cloud.running():
        pass
    arguments = ["run", "--sink", cloud.url, "--state", settings.state, "--source"]
    with edgy_edge(*arguments, "-") as process:
        say(process, np.concatenate([silence, phrase, silence, phrase, silence, phrase]))
        spool = settings.folder / "spool"
        while sum(file.stat().st_size > 70 for file in spool.glob("*.edgy")) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    kept = {file.name.split(".")[1]: file.read_bytes() for file in sorted(spool.glob("*.edgy"))}
    with cloud.running(), edgy_edge(*arguments, "-") as process:
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0, log
    assert cloud.finished == list(kept)
    for name, data in kept.items():
        assert cloud.streams[name].data.startswith(data)
        assert len(read_stream(cloud.streams[name].data).codes) >= 50


def test_level_status_metrics_and_disclosures_of_a_running_node(
    settings: Settings,
    cloud: Cloud,
    phrase: np.ndarray,
    silence: np.ndarray,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "token").write_text("a-secret-token")
    file = tmp_path / "edgy-edge.toml"
    file.write_text(
        f'source = "-"\nsink = "{cloud.url}"\nstate = "{settings.state}"\nmetrics_port = {port}\n'
        f'token_file = "{tmp_path / "token"}"\nlevel = "anonymous"\n'
    )

    def ask(*arguments: str) -> str:
        # Here, to the node in its process: another one for each would take a second to start.
        assert main([*arguments, "--settings", str(file)]) == 0
        return capsys.readouterr().out

    with edgy_edge("run", "--settings", str(file)) as process:
        say(process, np.concatenate([silence, phrase, silence]))
        cloud.wait(lambda: len(cloud.finished) == 1)
        assert ask("level", "pseudonym:den") == "pseudonym:den\n"
        say(process, np.concatenate([phrase, silence]))
        cloud.wait(lambda: len(cloud.finished) == 2)
        status = ask("status")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            metrics = answer.read().decode()
        (settings.folder / "level.json").unlink()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert [cloud.streams[name].opening["level"] for name in cloud.finished] == ["anonymous", "pseudonym"]
    assert re.search(r"level +pseudonym:den", status)
    assert re.search(r"utterances +2", status)
    assert "edgy_edge_utterances_total 2.0" in metrics
    assert 'edgy_edge_level_info{level="pseudonym:den"} 1.0' in metrics
    assert set(cloud.tokens) == {"Bearer a-secret-token"}
    assert b"a-secret-token" not in log
    assert b"codes" not in log  # what the cloud understood is not for the log

    table = ask("disclosures")
    sent = sum(len(stream.data) for stream in cloud.streams.values())
    rows = [line.split() for line in table.splitlines()[1:-2]]
    assert sum(int(row[4]) for row in rows if row[1] != "control") == sent
    assert {row[2] for row in rows} == {"anonymous", "pseudonym:den"}
    assert "sound: 0 bytes" in table
    assert len(ask("disclosures", "--last", "3").splitlines()) == 4


def test_a_file_to_standard_output(talk: np.ndarray, settings: Settings, tmp_path: Path) -> None:
    from io import BytesIO

    from edgy_tf.wire import StreamReader

    write_wav(tmp_path / "talk.wav", talk)
    with edgy_edge("run", "--source", str(tmp_path / "talk.wav"), "--sink", "-", "--state", settings.state) as process:
        output, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    parts = [b"EDGY" + part for part in BytesIO(output).read().split(b"EDGY")[1:]]
    assert len(parts) == len(speech_of(talk, None))
    for part in parts:
        reader = StreamReader()
        assert list(reader.feed(part))
        reader.finish()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"example:\n  edgy-edge {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--source", "no-such.wav"], "no-such.wav"),
        (["run", "--level", "loud"], "no privacy level"),
        (["run", "--level", "identity"], "identity_consent"),
        (["run", "--settings", "no-such.toml"], "cannot read settings"),
        (["level", "loud"], "no privacy level"),
        (["status"], "no node runs"),
        (["disclosures"], "no ledger"),
        (["wyoming", "--sink", "folder"], "needs a cloud"),
        (["wyoming", "--sink", "ws://localhost:1", "--uri", "ftp://x"], "cannot listen"),
    ],
)
def test_expected_errors_are_one_line(
    settings: Settings, arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--state", settings.state]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("edgy-edge ")]
    assert len(lines) == 1
    assert says in lines[0]


def test_a_level_is_chosen_without_a_running_node_too(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", settings.state]
    assert main(["level", *state]) == 0
    assert main(["level", "anonymous", *state]) == 0
    assert main(["level", *state]) == 0
    assert capsys.readouterr().out.split() == ["text", "anonymous", "anonymous"]
