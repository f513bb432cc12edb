"""The exported library on emulated Cortex-M boards: the codes of TFLM, and no more instructions than committed.

`make micro-tools` prepares it. Where that cannot be done, these tests are skipped, and say so.
"""

from dataclasses import fields, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from converters.micro import MicroReport, plan, write
from edgy_tf.releases import find_release
from edgy_tf.wire import StreamHeader, StreamWriter, read_stream
from evaluation.micro import figures
from evaluation.micro.bits import Bits, compare
from evaluation.micro.boards import BOARDS, MicroError
from evaluation.micro.figures import Figures, grown, measure, page, read_budget, recording, vela
from evaluation.micro.firmware import Firmware, build, build_plugin
from evaluation.micro.network import multiplier
from evaluation.micro.tools import FOLDER, call, sources

SPEECH = recording()
PIECES = [SPEECH[16000:48000], SPEECH[:5000], SPEECH[:1]]
"""Two stretches and a sample: each is a stream of its own."""


@pytest.fixture(scope="module")
def tools() -> None:
    try:
        sources()
    except MicroError as error:
        pytest.skip(f"NOT TESTED on an emulated Cortex-M: {error}")


@pytest.fixture(scope="module")
def encoder(tools: None) -> Path:
    return find_release("micro").encoder("int8")


@pytest.fixture(scope="module")
def report(encoder: Path) -> MicroReport:
    return plan(encoder)


@pytest.fixture(scope="module")
def library(report: MicroReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("micro") / "library"
    write(report, out)
    return out


@pytest.fixture(scope="module", params=list(BOARDS))
def firmware(request: pytest.FixtureRequest, library: Path) -> Firmware:
    return build(library, BOARDS[request.param], library.parent / request.param)


@pytest.fixture(scope="module")
def bits(firmware: Firmware, report: MicroReport, encoder: Path) -> Bits:
    return compare(report, encoder, firmware, PIECES)


@pytest.fixture(scope="module")
def measured(firmware: Firmware, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return measure(firmware, build_plugin(tmp_path_factory.mktemp("plugin")), SPEECH)


def test_the_budget_of_a_microcontroller_is_kept(report: MicroReport) -> None:
    assert report.flash <= 256 << 10
    assert report.arena <= 64 << 10
    assert report.info.codebook_id == find_release("pi").codebook_id


def test_codes_are_those_of_tflm_and_of_python_bit_for_bit(bits: Bits) -> None:
    assert bits.codes == 100 + 16 + 1
    assert bits.equal == {"tflite-micro": bits.codes, "LiteRT's reference kernels": bits.codes}


def test_the_front_end_is_numpy_s(bits: Bits) -> None:
    """Float32 rounds otherwise than float64 where a feature lies between two levels."""
    assert bits.levels_equal >= 0.999 * bits.levels
    assert bits.levels_off <= 1


def test_no_sound_gives_no_codes(firmware: Firmware) -> None:
    (codes,) = firmware.trace([SPEECH[:0]]).codes
    assert len(codes) == 0


def test_from_sound_nearly_all_codes_are_those_of_the_tflite(bits: Bits) -> None:
    assert bits.pcm_equal >= 0.95 * bits.codes


def test_the_example_sends_the_stream_that_python_writes(library: Path, report: MicroReport, tmp_path: Path) -> None:
    board = BOARDS["cortex-m4"]
    speech = SPEECH[:32100]
    speech.tofile(tmp_path / "in")
    build(library, board, library.parent / board.name, "example").run(tmp_path)
    sent = (tmp_path / "out").read_bytes()
    stream = read_stream(tmp_path / "out")
    info = report.info
    assert (len(stream.codes), stream.samples) == (101, 32100)
    (codes,) = build(library, board, library.parent / board.name).trace([speech]).codes
    np.testing.assert_array_equal(stream.codes, codes)
    buffer = BytesIO()
    header = StreamHeader(info.codebook_id, info.codebook_size, info.sample_rate, info.samples_per_code)
    writer = StreamWriter(buffer, header)
    writer.write(codes)
    writer.close(32100)
    assert sent == buffer.getvalue()


def test_nothing_has_grown_by_a_tenth(firmware: Firmware, measured: Figures) -> None:
    budget, _ = read_budget()
    assert not grown(measured, budget[firmware.board.name]), "if this is wanted: python -m evaluation.micro figures"


@pytest.mark.parametrize("figure", [field.name for field in fields(Figures)])
def test_more_than_a_tenth_is_noticed(figure: str) -> None:
    for budget in read_budget()[0].values():
        value = getattr(budget, figure)
        assert grown(replace(budget, **{figure: int(value * 1.099)}), budget) == {}
        assert grown(replace(budget, **{figure: int(value * 1.101)}), budget).keys() == {figure}


def test_a_quarter_of_a_cortex_m4_is_enough(firmware: Firmware, measured: Figures) -> None:
    assert measured.encode_per_s <= figures.BAR * figures.CLOCK_HZ


def test_vela_s_estimate_is_the_committed_one(report: MicroReport) -> None:
    committed = read_budget()[1]
    # How well weights pack depends on their last bits, and those on the machine that rounds them.
    found = vela(report)
    assert found.cycles == pytest.approx(committed.cycles, rel=1e-3)
    assert found == replace(committed, cycles=found.cycles)


def test_the_page_shows_the_budget() -> None:
    budget, estimate = read_budget()
    assert set(budget) == set(BOARDS)
    assert figures.PAGE.read_text("utf-8") == page(budget, estimate)


def test_multipliers_are_tflm_s() -> None:
    assert multiplier(0.0) == (0, 0)
    assert multiplier(0.5) == (1 << 30, 0)
    assert multiplier(1.0) == (1 << 30, 1)
    assert multiplier(np.nextafter(1.0, 0)) == (1 << 30, 1)
    assert multiplier(0.0123) == (1690499128, -6)


def test_without_tools_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MicroError, match="arm-none-eabi-gcc is not installed; run: make micro-tools"):
        sources()
    with pytest.raises(MicroError, match="qemu-system-arm is not installed; run: make micro-tools"):
        call(["qemu-system-arm"])


def test_without_sources_it_says_what_to_do(tools: None, tmp_path: Path) -> None:
    assert FOLDER.name == "micro"
    with pytest.raises(MicroError, match="sources of CMSIS are not there; run: make micro-tools"):
        sources(tmp_path)
