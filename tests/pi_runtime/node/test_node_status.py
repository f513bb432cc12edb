"""What a node says of itself and of its board, and who may ask."""

import asyncio
import json
import socket
import stat
import urllib.request
from pathlib import Path

import pytest

from edgy_tf.errors import EdgyError, SettingsError
from pi_runtime.node.board import cpu_temperature, under_voltage
from pi_runtime.node.control import ask, control
from pi_runtime.node.counts import Counts
from pi_runtime.node.levels import ChosenLevel, Level
from pi_runtime.node.settings import Settings
from pi_runtime.node.status import reporter, serve_metrics


def sys_with(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_a_board_tells_its_temperature(tmp_path: Path) -> None:
    assert cpu_temperature(sys_with(tmp_path, {"class/thermal/thermal_zone0/temp": "48312\n"})) == 48.312
    assert cpu_temperature(tmp_path / "no") is None
    assert cpu_temperature(sys_with(tmp_path, {"class/thermal/thermal_zone0/temp": "?"})) is None


@pytest.mark.parametrize(
    ("files", "low"),
    [
        ({"devices/platform/soc/soc:firmware/get_throttled": "50005\n"}, True),
        ({"devices/platform/soc/soc:firmware/get_throttled": "50000\n"}, False),
        ({"class/hwmon/hwmon1/name": "rpi_volt\n", "class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"}, True),
        ({"class/hwmon/hwmon1/name": "rpi_volt\n", "class/hwmon/hwmon1/in0_lcrit_alarm": "0\n"}, False),
        ({"class/hwmon/hwmon0/name": "cpu_thermal\n"}, None),
        ({"class/hwmon/hwmon1/name": "rpi_volt\n"}, None),
        ({}, None),
    ],
)
def test_a_board_tells_of_under_voltage(tmp_path: Path, files: dict[str, str], low: bool | None) -> None:
    assert under_voltage(sys_with(tmp_path, files)) is low


@pytest.fixture
def level(tmp_path: Path) -> ChosenLevel:
    return ChosenLevel(tmp_path / "level.json", Level("anonymous"), Settings().check)


def test_metrics_are_what_the_status_says_and_for_this_machine_alone(level: ChosenLevel) -> None:
    counts = Counts(utterances=3, seconds_heard=7.5)
    report = reporter(Settings(), level, counts, None)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    close = serve_metrics(port, report)
    try:
        with pytest.raises(SettingsError, match="cannot be used"):
            serve_metrics(port, report)
        counts.utterances = 4
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
    finally:
        close()
    assert "edgy_edge_utterances_total 4.0" in lines
    assert "edgy_edge_seconds_heard_total 7.5" in lines
    assert "edgy_edge_connected 0.0" in lines
    assert 'edgy_edge_level_info{level="anonymous"} 1.0' in lines


def test_the_control_socket_is_for_its_user_and_refuses_in_one_line(level: ChosenLevel, tmp_path: Path) -> None:
    path = tmp_path / "run.sock"

    async def meet() -> None:
        async with control(path, level, reporter(Settings(), level, Counts(), None)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert (await asyncio.to_thread(ask, path, {"ask": "level", "level": "text"}))["level"] == "text"
            for request, says in [
                ({"ask": "level", "level": "identity"}, "identity_consent"),
                ({"ask": "level", "level": "loud"}, "no privacy level"),
                ({"ask": "level"}, "not a request"),
                ({"ask": "reboot"}, "not a request"),
                ({}, "not a request"),
            ]:
                with pytest.raises(EdgyError, match=says):
                    await asyncio.to_thread(ask, path, request)
            for hostile in (b"[]\n", b"\xff\n", b"x" * 100_000):
                reader, writer = await asyncio.open_unix_connection(path)
                writer.write(hostile)
                writer.write_eof()
                assert "not a request" in json.loads(await reader.readline())["error"]
                writer.close()
            assert (await asyncio.to_thread(ask, path, {"ask": "status"}))["level"] == "text"

    asyncio.run(asyncio.wait_for(meet(), 20))
    assert not path.exists()


def test_a_socket_that_a_killed_node_left_is_taken_over(level: ChosenLevel, tmp_path: Path) -> None:
    path = tmp_path / "run.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(ConnectionError):
        ask(path, {"ask": "status"})

    async def meet() -> None:
        async with control(path, level, reporter(Settings(), level, Counts(), None)):
            assert (await asyncio.to_thread(ask, path, {"ask": "status"}))["level"] == "anonymous"

    asyncio.run(asyncio.wait_for(meet(), 20))
