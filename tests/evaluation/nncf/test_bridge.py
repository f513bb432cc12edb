"""NNCF in its own environment: the same weights go over, and what comes back computes what NNCF left."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from converters.tensors import convolutions
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.properties import kernels_of
from edgy_tf.compress.recipe import Filters, Quantise, Recipe, Sparsity, Stage
from edgy_tf.compress.variant import Material
from edgy_tf.corpora import open_corpus
from edgy_tf.errors import MissingDependencyError, ModelError
from edgy_tf.models.encoder import build_encoder
from edgy_tf.network import Network
from edgy_tf.preset import Preset
from edgy_tf.releases import find_release
from edgy_tf.train.loop import split
from edgy_tf.weights import load_arrays, variables_of
from evaluation.nncf import bridge
from evaluation.nncf.bridge import Trained, shrunk, train
from evaluation.nncf.environment import VARIABLE, interpreter

STEPS = 4
HALF = Filters(criterion="gm", rate=0.5, steps=STEPS, batch=4)
QAT = Quantise(kind="qat", steps=STEPS, batch=4)
# NNCF's gates start wide open: in so short a run few of them close.
GATES = Sparsity(method="l0", rate=0.4, steps=15 * STEPS, batch=4)


@pytest.fixture(scope="session")
def environment() -> Path:
    try:
        return interpreter()
    except MissingDependencyError as error:
        pytest.skip(f"NOT TESTED against NNCF: {error}")


@pytest.fixture(scope="session")
def weights(tiny: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 16 units, of which NNCF can leave 8; codes of all kinds."""
    preset = replace(tiny, encoder=replace(tiny.encoder, units=16))
    rng, plain = np.random.default_rng(0), build_encoder(preset)
    arrays = {name: value + 0.1 * rng.random(value.shape, np.float32) for name, value in variables_of(plain).items()}
    mel = rng.random((1, preset.frames_for(64), preset.front_end.mels), np.float32)
    latents = np.asarray(Network(preset, arrays).encoder()(mel))[0]
    codebook = latents[rng.choice(len(latents), preset.codebook.size, replace=False)]
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    Network(preset, arrays | {"quantizer/codebook": codebook}).save(path)
    return path


@pytest.fixture(scope="session")
def teacher(weights: Path) -> Network:
    return Network.load(weights)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nncf")


@pytest.fixture(scope="session")
def lesson(teacher: Network, tones: Path, work: Path) -> Lesson:
    return Lesson(teacher, *split(open_corpus(tones), teacher.preset.front_end, work, seed=0), seed=0)


@pytest.fixture(scope="session")
def material(tiny_release: Path, tones: Path) -> Material:
    """For its converter, which takes other networks of the same front end."""
    return Material(find_release(str(tiny_release)), open_corpus(tones))


@pytest.fixture(scope="session")
def nncf(weights: Path, lesson: Lesson, work: Path, environment: Path) -> Callable[..., Trained]:
    def run(name: str, *stages: Stage) -> Trained:
        return train(Recipe(name, "a test", 0, stages), weights, lesson, work / name)

    return run


def _codes(trained: Trained, mel: np.ndarray) -> np.ndarray:
    z = np.asarray(trained.encoder()(mel, training=False))
    codebook = trained.network.codebook
    return np.argmax(z @ codebook.T - 0.5 * np.sum(np.square(codebook), -1), -1)


def test_the_same_weights_give_the_same_codes_there(nncf: Callable[..., Trained], teacher: Network, work: Path) -> None:
    nncf("both", HALF, QAT)
    arrays, about = load_arrays(work / "both" / "trained.safetensors")
    ours = np.asarray(teacher.encoder(api=tf_keras)(np.load(work / "both" / "examples.npy")[0]))
    assert about["nncf"] == "2.19.0"
    np.testing.assert_allclose(arrays["before"], ours, atol=bridge.TOLERANCE)
    codebook = teacher.codebook
    codes = [np.argmax(z @ codebook.T - 0.5 * np.sum(np.square(codebook), -1), -1) for z in (ours, arrays["before"])]
    np.testing.assert_array_equal(*codes)
    assert len(np.unique(codes[0])) > 4
    # And it has learnt: what it gives afterwards is something else.
    assert np.abs(arrays["after"] - ours).max() > bridge.TOLERANCE


def test_what_comes_back_becomes_int8_by_our_converter(
    nncf: Callable[..., Trained], lesson: Lesson, material: Material, teacher: Network
) -> None:
    left = nncf("both", HALF, QAT)
    narrow = shrunk(left)
    assert [kernel.shape[-1] for kernel in kernels_of(narrow.network.arrays).values()] == [8, 8, 8]
    for mel in list(lesson.examples())[:2]:
        # The same sums without their zeros; int8 may round a last bit otherwise.
        assert np.mean(_codes(left, mel) == _codes(narrow, mel)) > 0.99
    model = material.convert(narrow.network, narrow.encoder(), narrow.numbers, "test", "tiny").model
    *layers, latent = convolutions(model)
    assert {(kernel.shape[0], kernel.dtype.name) for kernel in layers} == {(8, "int8")}
    assert latent.dtype == np.float32
    assert narrow.network.codebook_id == teacher.codebook_id
    # A masked filter has no scale that int8 could have: TFLite leaves it in float, and says nothing to Python.
    with pytest.raises(ModelError, match="scale is 0"):
        material.convert(left.network, left.encoder(), left.numbers, "test", "tiny")


def test_gates_close_although_the_run_is_short(nncf: Callable[..., Trained]) -> None:
    trained = nncf("gates", GATES)
    kernels = kernels_of(trained.network.arrays).values()
    assert sum(np.sum(k == 0) for k in kernels) / sum(k.size for k in kernels) > 0.05
    with pytest.raises(ModelError, match="nothing can be removed"):
        shrunk(trained)


def test_what_is_done_is_not_done_again(nncf: Callable[..., Trained], work: Path) -> None:
    nncf("both", HALF, QAT)
    done = work / "both" / "trained.safetensors"
    before = done.stat().st_mtime_ns
    nncf("both", HALF, QAT)
    assert done.stat().st_mtime_ns == before


@pytest.mark.parametrize("low", [-0.3, 0.0, 0.02])
def test_ranges_are_what_tensorflow_makes_of_nncf_s(low: float) -> None:
    # NNCF learns where a range begins, also above 0, where int8 cannot begin.
    name, width = "relu1/fake_quantize/relu1/fake_quantize", 2.0
    learned = {"low": np.array(low, np.float32), "range": np.array(width, np.float32)}
    ends = bridge._activations({f"{name}_input_{end}": value for end, value in learned.items()})
    assert ends["relu1"][0] <= 0
    emulate, x = tf.quantization.fake_quant_with_min_max_vars, np.linspace(-1, 3, 1001, dtype=np.float32)
    np.testing.assert_array_equal(emulate(x, *ends["relu1"]), emulate(x, low, low + width))


def test_a_failure_is_the_tool_s_own_error(
    weights: Path, lesson: Lesson, work: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bridge.config_of.__globals__["IMPORTANCE"], "gm", "by ear")
    with pytest.raises(ModelError, match=r"NNCF failed: .*ValidationError.*'by ear'.*log\.txt"):
        train(Recipe("wrong", "a test", 0, (HALF,)), weights, lesson, work / "wrong")


def test_without_the_environment_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(MissingDependencyError, match="make nncf-env"):
        interpreter()
