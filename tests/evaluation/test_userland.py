"""The installed wheel on emulated Raspberry Pis: the codes of x86, and no more instructions or bytes than committed.

`make pi-userland` prepares it. Where that cannot be done, these tests are skipped, and say so.
"""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from edgy_tf.corpora import read_pcm16
from edgy_tf.releases import find_release
from evaluation.userland import build, figures
from evaluation.userland.build import extra_pi, install, runtime_requirement
from evaluation.userland.devices import DEVICES, UserlandError
from evaluation.userland.figures import Figures, grown, measure, page, read_budget
from evaluation.userland.instructions import per_second
from evaluation.userland.microphone import plug_in
from evaluation.userland.run import Userland
from pi_runtime.golden import RECORDING, golden_codes

FAMILIES = {"ai-edge-litert": "xnnpack", "tflite-runtime": "reference"}
"""How the kernels of each interpreter round on ARM."""
ABSENT = ("tensorflow", "librosa", "scipy", "numba")


@pytest.fixture(scope="session")
def installed(request: pytest.FixtureRequest) -> None:
    """The wheel of this source tree, in every userland that was built."""
    try:
        for device in DEVICES.values():
            Userland.open(device.name, device.runtimes[0])
    except UserlandError as error:
        pytest.skip(f"NOT TESTED on an emulated Raspberry Pi: {error}")
    wheel = request.getfixturevalue("wheel")
    for device in DEVICES.values():
        install(device, wheel)


@pytest.fixture(scope="module", params=[(d.name, r) for d in DEVICES.values() for r in d.runtimes], ids="-".join)
def userland(request: pytest.FixtureRequest, installed: None) -> Userland:
    return Userland.open(*request.param)


@pytest.fixture(scope="module")
def measured(userland: Userland, tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, np.ndarray]:
    """What encoding the recording from its file costs there, and the codes."""
    out = tmp_path_factory.mktemp("codes") / "codes.npy"
    return measure(userland, out), np.load(out)


def test_a_file_gives_the_codes_of_x86(userland: Userland, measured: tuple[Figures, np.ndarray]) -> None:
    np.testing.assert_array_equal(measured[1], golden_codes("pi", "int8")[FAMILIES[userland.runtime]])


def test_the_microphone_gives_the_codes_of_x86(userland: Userland, tmp_path: Path) -> None:
    plug_in(tmp_path, read_pcm16(RECORDING))
    out = tmp_path / "codes.npy"
    userland.python("-m", "evaluation.userland.guest", str(RECORDING), str(out), "microphone", home=tmp_path)
    np.testing.assert_array_equal(np.load(out), golden_codes("pi", "int8")[FAMILIES[userland.runtime]])


def test_nothing_has_grown_by_a_tenth(userland: Userland, measured: tuple[Figures, np.ndarray]) -> None:
    assert not grown(measured[0], read_budget()[userland.name]), (
        "if this is wanted: python -m evaluation.userland figures"
    )


def test_any_encoder_s_file_can_be_counted(installed: None) -> None:
    userland, release = Userland.open("arm64", "ai-edge-litert"), find_release("pi")
    int8, float32 = (per_second(userland, release.encoder(variant)) for variant in ("int8", "float32"))
    assert int8 == pytest.approx(read_budget()[userland.name].encode_per_s, rel=figures.RISE - 1)
    assert float32 > 1.1 * int8


@pytest.mark.parametrize("figure", [field.name for field in fields(Figures)])
def test_more_than_a_tenth_is_noticed(figure: str) -> None:
    for budget in read_budget().values():
        value = getattr(budget, figure)
        assert grown(replace(budget, **{figure: int(value * 1.099)}), budget) == {}
        assert grown(replace(budget, **{figure: int(value * 1.101)}), budget).keys() == {figure}


def test_the_bars_are_kept(userland: Userland, measured: tuple[Figures, np.ndarray]) -> None:
    found = measured[0]
    assert found.imports <= figures.IMPORT_BAR_S * figures.CLOCK_HZ
    assert found.install_bytes <= figures.INSTALL_BAR_BYTES[userland.runtime]
    if userland.device.name == "arm64":
        assert found.encode_per_s <= figures.BAR * figures.CLOCK_HZ


def test_no_heavy_package_is_there(userland: Userland) -> None:
    program = f"import importlib.util as u; print([p for p in {ABSENT} if u.find_spec(p)], bool(u.find_spec('numpy')))"
    assert userland.python("-c", program) == "[] True\n"


@pytest.mark.parametrize("device", DEVICES)
def test_the_self_test_passes(installed: None, device: str) -> None:
    userland = Userland.open(device, DEVICES[device].runtimes[0])
    lines = userland.python(str(userland.project / "bin" / "edgy-edge"), "self-test").splitlines()
    assert [line.split()[1] for line in lines] == ["ok", "ok"]


def test_what_fails_on_the_device_is_one_line(installed: None, tmp_path: Path) -> None:
    userland = Userland.open("arm64", "tflite-runtime")
    with pytest.raises(UserlandError, match=r"failed on arm64/tflite-runtime: ZeroDivisionError") as caught:
        userland.python("-c", "1 / 0")
    assert "\n" not in str(caught.value)


def test_nothing_of_this_machine_reaches_the_device(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGY_OF_THE_HOST", "1")
    program = "import os, platform; print(platform.machine(), 'EDGY_OF_THE_HOST' in os.environ)"
    machines = [Userland.open(d.name, d.runtimes[0]).python("-c", program) for d in DEVICES.values()]
    assert machines == [f"{d.machine} False\n" for d in DEVICES.values()]


def test_the_extra_installs_the_interpreter_that_is_emulated() -> None:
    for device in DEVICES.values():
        assert extra_pi(device) == [device.runtimes[0]]
        assert all(
            "==" in runtime_requirement(runtime) and ";" not in runtime_requirement(runtime)
            for runtime in device.runtimes
        )


def test_the_page_shows_the_budget() -> None:
    assert set(read_budget()) == {f"{d.name}/{r}" for d in DEVICES.values() for r in d.runtimes}
    assert figures.PAGE.read_text("utf-8") == page(read_budget())


def test_without_emulator_or_userland_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserlandError, match="qemu-arm is not installed; run: make pi-userland"):
        Userland.open("armhf", "tflite-runtime", tmp_path)
    (tmp_path / "qemu-arm").touch(0o755)
    with pytest.raises(UserlandError, match="no userland of armhf yet; run: make pi-userland"):
        Userland.open("armhf", "tflite-runtime", tmp_path)


def test_without_tools_nothing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserlandError, match="is not installed; run: make pi-userland"):
        build.build(DEVICES["armhf"], tmp_path)


def test_a_failed_build_leaves_the_old_userland(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "arm64").mkdir()
    (tmp_path / "arm64" / "kept").touch()
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'forky main site'\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserlandError, match="apt has no source of Debian bookworm"):
        build.build(DEVICES["arm64"], tmp_path)
    assert (tmp_path / "arm64" / "kept").exists()
