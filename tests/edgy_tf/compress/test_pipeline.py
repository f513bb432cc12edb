"""A recipe's stages, end to end on the tiny network: what is promised is what is stored."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import edgy_tf.compress.pipeline
from converters.tensors import convolutions, zero_points
from edgy_tf.compress.distil import Lesson
from edgy_tf.compress.pipeline import Compressed, compress
from edgy_tf.compress.properties import kernels_of
from edgy_tf.compress.recipe import Clusters, Filters, Quantise, Recipe, Sparsity, Stage
from edgy_tf.compress.sparsity import prune_by_magnitude
from edgy_tf.errors import ModelError
from edgy_tf.network import Network

STEPS = 4
HALF = Sparsity(method="magnitude", rate=0.5, steps=STEPS, batch=8)
EIGHT = Clusters(count=8, steps=STEPS, batch=8)
QAT = Quantise(kind="qat", steps=STEPS, batch=8)
SYMMETRIC = Quantise(kind="qat", activations="symmetric", steps=STEPS, batch=8)

Run = Callable[..., Compressed]


@pytest.fixture
def run(teacher: Network, lesson: Lesson, speech: list[np.ndarray]) -> Run:
    def run(*stages: Stage) -> Compressed:
        return compress(teacher, Recipe("test", "a test", 0, stages), lesson, speech, "Apache-2.0")

    return run


def _kernels(model: bytes) -> list[np.ndarray]:
    """Those that recipes are about: the last one, which makes latents, stays float."""
    *layers, latent = convolutions(model)
    assert latent.dtype == np.float32
    return layers


def _zeros(model: bytes) -> float:
    return float(np.mean(np.concatenate([np.ravel(kernel == 0) for kernel in _kernels(model)])))


def _values(model: bytes) -> int:
    """Most values that a filter has."""
    return max(len(np.unique(one)) for kernel in _kernels(model) for one in kernel)


def test_filters_are_gone_from_the_file(run: Run, teacher: Network) -> None:
    out = run(Filters(criterion="gm", rate=0.25, steps=2, batch=8))
    assert out.preset.encoder.units == 6
    *layers, latent = convolutions(out.model)
    assert [kernel.shape[0] for kernel in layers] == [6, 6, 6]
    assert latent.shape == (4, 1, 1, 6)


@pytest.mark.parametrize(("method", "rate"), [("magnitude", 0.6), ("l0", 0.4), ("2:4", 0.5)])
def test_weights_are_zero_in_the_file(run: Run, method: str, rate: float) -> None:
    model = run(Sparsity(method=method, rate=rate, steps=STEPS, batch=8)).model
    assert _zeros(model) >= rate - 0.01
    if method == "2:4":
        for kernel in _kernels(model):
            assert np.all(np.sum(kernel.reshape(-1, 4) != 0, axis=1) <= 2)


@pytest.mark.parametrize("fitted", [True, False])
def test_a_tool_alone_leaves_the_other_weights_to_learning(
    teacher: Network, lesson: Lesson, speech: list[np.ndarray], fitted: bool
) -> None:
    stage = replace(HALF, fitted=fitted, learning_rate=1e-12)
    pruned = prune_by_magnitude(teacher, stage, lesson, speech)
    for name, kernel in kernels_of(pruned.arrays).items():
        left = kernel != 0
        assert np.allclose(kernel[left], teacher.arrays[name][left], rtol=1e-4) != fitted


@pytest.mark.parametrize("kind", ["float16", "dynamic", "int8", "int16x8"])
def test_the_converter_s_formats_keep_zeros_and_clusters(run: Run, kind: str) -> None:
    model = run(HALF, EIGHT, Quantise(kind=kind)).model
    dtype = np.float16 if kind == "float16" else np.int8
    # TFLite's dynamic range leaves kernels of under 1024 weights as they are.
    assert kind == "dynamic" or {kernel.dtype for kernel in _kernels(model)} == {np.dtype(dtype)}
    assert _zeros(model) >= 0.49
    assert _values(model) <= 8


@pytest.mark.parametrize("stages", [(HALF, QAT), (EIGHT, QAT), (HALF, EIGHT, QAT)], ids=["PQAT", "CQAT", "PCQAT"])
def test_int8_trained_as_such_keeps_zeros_and_clusters(run: Run, stages: tuple[Stage, ...]) -> None:
    model = run(*stages).model
    assert {kernel.dtype for kernel in _kernels(model)} == {np.dtype(np.int8)}
    assert HALF not in stages or _zeros(model) >= 0.49
    assert EIGHT not in stages or _values(model) <= 8


def test_activations_are_symmetric_on_demand(run: Run) -> None:
    assert any(zero_points(run(QAT).model))
    assert not any(zero_points(run(SYMMETRIC).model))


FEWER = Filters(criterion="gm", rate=0.25, steps=2, batch=8)
AGAIN = {
    "filters": (FEWER,),
    "magnitude": (HALF,),
    "l0": (Sparsity(method="l0", rate=0.4, steps=STEPS, batch=8),),
    "2:4": (Sparsity(method="2:4", rate=0.5, steps=STEPS, batch=8),),
    "clusters": (EIGHT,),
    "qat": (QAT,),
    "symmetric qat": (SYMMETRIC,),
    "PQAT": (HALF, QAT),
    "CQAT": (EIGHT, QAT),
    "all": (FEWER, HALF, EIGHT, QAT),
    **{kind: (Quantise(kind=kind),) for kind in ("float16", "dynamic", "int8", "int16x8")},
}


@pytest.mark.parametrize("kind", AGAIN)
def test_equal_arguments_give_equal_bytes(run: Run, kind: str) -> None:
    assert run(*AGAIN[kind]).model == run(*AGAIN[kind]).model


def test_another_seed_gives_other_bytes(run: Run, lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(HALF).model
    monkeypatch.setattr(lesson, "seed", 1)
    assert run(HALF).model != before


@pytest.mark.parametrize(
    ("stages", "broken", "complaint"),
    [
        (
            (FEWER,),
            "_without_filters",
            "filters promised 6 filters, but conv1/kernel has 8",
        ),
        ((HALF,), "prune_by_magnitude", "sparsity lost sparsity: .* zeros, not 50.0%"),
        ((EIGHT,), "share_weights", "clusters lost clusters: .* values in conv1/kernel, not 8"),
        ((HALF, EIGHT), "share_weights", "clusters lost clusters"),
    ],
)
def test_a_stage_that_does_not_do_what_it_promised_is_caught(
    run: Run, monkeypatch: pytest.MonkeyPatch, stages: tuple[Stage, ...], broken: str, complaint: str
) -> None:
    monkeypatch.setattr(edgy_tf.compress.pipeline, broken, lambda network, *_: network)
    with pytest.raises(ModelError, match=complaint):
        run(*stages)


def test_zeros_and_clusters_that_int8_training_loses_are_caught(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    right = edgy_tf.compress.pipeline.train_quantised
    # As if it had not been told what to keep.
    monkeypatch.setattr(
        edgy_tf.compress.pipeline,
        "train_quantised",
        lambda network, stage, lesson, *_: right(network, stage, lesson, False, False),
    )
    # Far enough that rounding to int8 does not bring them back.
    far = replace(QAT, learning_rate=1e-2)
    with pytest.raises(ModelError, match="conversion lost sparsity"):
        run(HALF, far)
    with pytest.raises(ModelError, match="conversion lost clusters"):
        run(EIGHT, far)
