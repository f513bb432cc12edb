"""One file, three signatures, the same codes: whole, step by step and for any chunking."""

import functools
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.encoder import convert_encoder
from converters.variants import VARIANTS
from edgy_tf.errors import ModelError
from edgy_tf.network import Network
from edgy_tf.preset import Conv
from pi_runtime import FrameEncoder
from tests.converters.conftest import KINDS, speech_like

Case = tuple[Network, FrameEncoder, np.ndarray]


@pytest.fixture(scope="module")
def case(network_of: Callable[[str], Network], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Case]:
    @functools.cache
    def build(kind: str, variant: str) -> Case:
        network = network_of(kind)
        rng = np.random.default_rng(1)
        path = tmp_path_factory.mktemp("models") / "encoder.tflite"
        path.write_bytes(convert_encoder(network, variant, [speech_like(rng, 600, network.preset)], "none"))
        return network, FrameEncoder(path), speech_like(rng, 150, network.preset)

    return build


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_any_chunking_gives_the_codes_of_the_whole(
    case: Callable[[str, str], Case], kind: str, data: st.DataObject
) -> None:
    _, encoder, mel = case(kind, "int8")
    mel = mel[: data.draw(st.integers(0, len(mel)))]
    sizes = data.draw(st.lists(st.integers(0, 20), max_size=30))
    edges = np.minimum(np.cumsum([0, *sizes]), len(mel))
    chunks = [mel[a:b] for a, b in itertools.pairwise(edges)] + [mel[edges[-1] :]]
    encoder.reset()
    codes = np.concatenate([encoder.process(chunk) for chunk in chunks])
    np.testing.assert_array_equal(codes, encoder.encode(mel))


# Dynamic range quantises activations by what else is in the run, so its codes depend on the length.
@pytest.mark.parametrize("variant", sorted({*VARIANTS} - {"int8", "dynamic"}))
def test_the_other_variants_stream_too(case: Callable[[str, str], Case], variant: str) -> None:
    _, encoder, mel = case("aligned", variant)
    encoder.reset()
    np.testing.assert_array_equal(encoder.process(mel), encoder.encode(mel))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("variant", "bar"),
    [("float32", 1), ("float16", 0.95), ("dynamic", 0.8), ("int8", 0.8), ("int16x8", 0.9), ("micro", 0.8)],
)
def test_codes_are_those_of_keras(case: Callable[[str, str], Case], kind: str, variant: str, bar: float) -> None:
    network, encoder, mel = case(kind, variant)
    preset = network.preset
    codes = encoder.encode(mel)
    latents = np.asarray(network.encoder()(mel[None]))[0]
    distances = np.square(latents[:, None] - network.codebook).sum(-1)
    assert len(codes) == (len(mel) - preset.receptive_field) // preset.stride + 1
    assert np.mean(codes == distances.argmin(-1)) >= bar


def test_what_cannot_be_streamed_is_refused(
    network_of: Callable[[str], Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "holes", {"layers": (Conv(3), Conv(1, stride=2))})
    with pytest.raises(ModelError, match="over 1 frames every 2"):
        convert_encoder(network_of("holes"), "float32", [], "none")
