"""Any chunking gives the same codes; bad audio is refused and the session goes on."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.graph import read_graph, write_graph
from edgy_tf.corpora import to_float32
from edgy_tf.errors import AudioError, MissingDependencyError, ModelError
from edgy_tf.frontend import Leveller
from edgy_tf.releases import find_release
from pi_runtime import EdgeEncoder, interpreter, read_info
from pi_runtime.model_file import pack_info
from tests.conftest import harmonic_voice


@pytest.fixture(scope="module", params=["float32", "int8", "levelled"])
def model(request: pytest.FixtureRequest, tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders of the release, and the same graph for speech at one level."""
    if request.param != "levelled":
        return tiny_release / f"encoder-{request.param}.tflite"
    plain = tiny_release / "encoder-float32.tflite"
    path = tmp_path_factory.mktemp("levelled") / "levelled.tflite"
    path.write_bytes(pack_info(_graph(plain), replace(read_info(plain), levelled=True)))
    return path


def _graph(model: Path) -> bytes:
    """The file without what it says of itself."""
    return write_graph(read_graph(model.read_bytes()))


@pytest.fixture(scope="module")
def encoder(model: Path) -> EdgeEncoder:
    return EdgeEncoder(model)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    return (harmonic_voice(np.random.default_rng(5), 150, 1.5) * 32767).astype(np.int16)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_chunking_gives_the_same_codes(encoder: EdgeEncoder, pcm: np.ndarray, data: st.DataObject) -> None:
    whole = encoder.encode(pcm)
    sizes = data.draw(st.lists(st.integers(0, 6000), max_size=30))
    edges = np.minimum(np.cumsum([0, *sizes]), len(pcm))
    chunks = [pcm[a:b] for a, b in itertools.pairwise(edges)] + [pcm[edges[-1] :]]
    codes = np.concatenate([*map(encoder.process, chunks), encoder.flush()])
    np.testing.assert_array_equal(codes, whole)


def test_nothing_of_another_stream_is_heard(encoder: EdgeEncoder, pcm: np.ndarray, model: Path) -> None:
    noise = np.random.default_rng(0).integers(-(2**15), 2**15, 20000).astype(np.int16)
    encoder.process(noise)
    fresh = EdgeEncoder(model)
    np.testing.assert_array_equal(encoder.encode(pcm), fresh.encode(pcm))


def test_a_levelled_encoder_hears_what_the_leveller_gives(encoder: EdgeEncoder, pcm: np.ndarray, model: Path) -> None:
    plain = replace(encoder.info, levelled=False)
    (path := model.with_name("plain.tflite")).write_bytes(pack_info(_graph(model), plain))
    soft = to_float32(pcm // 16)
    heard = Leveller(plain.hop).process(soft) if encoder.info.levelled else soft
    np.testing.assert_array_equal(encoder.encode(soft), EdgeEncoder(path).encode(heard))
    assert np.array_equal(heard, soft) != encoder.info.levelled


def test_single_samples_give_the_same_codes(encoder: EdgeEncoder, pcm: np.ndarray) -> None:
    short = pcm[:4001]
    codes = [encoder.process(short[i : i + 1]) for i in range(len(short))] + [encoder.flush()]
    np.testing.assert_array_equal(np.concatenate(codes), encoder.encode(short))


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 2559, 2560, 2561, 10000])
def test_as_many_codes_as_the_audio_is_long(encoder: EdgeEncoder, samples: int) -> None:
    assert len(encoder.encode(np.zeros(samples, np.int16))) == -(-samples // encoder.info.samples_per_code)


def test_float_and_int16_are_the_same_sound(encoder: EdgeEncoder, pcm: np.ndarray) -> None:
    np.testing.assert_array_equal(encoder.encode(pcm / 32768.0), encoder.encode(pcm))


def test_a_code_is_known_after_its_look_ahead(encoder: EdgeEncoder, pcm: np.ndarray) -> None:
    """Nothing later than the block and the stated look-ahead changes a code."""
    encoder.reset()
    ahead = int(encoder.info.lookahead_ms * encoder.sample_rate / 1000)
    codes = encoder.process(pcm[: encoder.frame_length + ahead])
    assert len(codes) == encoder.info.block
    encoder.reset()
    np.testing.assert_array_equal(codes, encoder.encode(pcm)[: len(codes)])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.zeros((2, 100), np.int16), "one channel"),
        (np.zeros(100, np.int32), "int16 or float"),
        (np.array([0.0, np.nan]), "finite"),
        (np.array([0.0, np.inf], np.float32), "finite"),
    ],
)
def test_bad_audio_is_refused_and_loses_nothing(
    encoder: EdgeEncoder, pcm: np.ndarray, bad: np.ndarray, says: str
) -> None:
    encoder.reset()
    codes = [encoder.process(pcm[:9000])]
    with pytest.raises(AudioError, match=says) as caught:
        encoder.process(bad)
    assert "\n" not in str(caught.value)
    codes += [encoder.process(pcm[9000:]), encoder.flush()]
    np.testing.assert_array_equal(np.concatenate(codes), encoder.encode(pcm))


def test_files_that_are_no_encoders(tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("hello")
    info = read_info(find_release("pi").encoder("int8"))
    (tmp_path / "frameless.tflite").write_bytes(pack_info(b"", replace(info, levelled=True, front_end=None)))
    for path, says in [
        (tmp_path / "text.tflite", "not an EDGY encoder"),
        (tmp_path / "frameless.tflite", "not an EDGY encoder"),
        (tmp_path / "none", "no model"),
    ]:
        with pytest.raises(ModelError, match=says):
            EdgeEncoder(path)


def test_a_damaged_graph_behind_a_good_description(tiny_release: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(pack_info(b"not a graph at all", read_info(tiny_release / "encoder-int8.tflite")))
    with pytest.raises(ModelError, match=r"cannot run broken\.tflite"):
        EdgeEncoder(path)


def test_without_any_runtime_it_says_what_to_install(tiny_release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "RUNTIMES", ("no_such_runtime",))
    with pytest.raises(MissingDependencyError, match=r"edgy-tf\[pi\]"):
        EdgeEncoder.from_release(str(tiny_release))
