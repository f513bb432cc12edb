"""Joined graphs compute what their parts compute one after the other."""

import numpy as np
import pytest
import tensorflow as tf

from converters.compose import bundle, join
from converters.graph import read_graph
from pi_runtime.interpreter import open_interpreter


def linear(weights: np.ndarray, quantise: bool = False) -> bytes:
    module = tf.Module()
    kernel = tf.constant(weights, tf.float32)
    module.call = tf.function(
        lambda x: tf.nn.relu(x @ kernel), input_signature=[tf.TensorSpec([1, len(weights)], tf.float32)]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    if quantise:
        rng = np.random.default_rng(1)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [rng.uniform(0, 1, (1, len(weights))).astype(np.float32)] for _ in range(50)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return bytes(converter.convert())


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    interpreter = open_interpreter(model, "test")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_three_float_parts_with_an_int8_one_between() -> None:
    rng = np.random.default_rng(0)
    sizes = [(5, 7), (7, 6), (6, 3)]
    parts = [linear(rng.normal(size=s), quantise=i == 1) for i, s in enumerate(sizes)]
    x = rng.uniform(0, 0.3, (1, 5)).astype(np.float32)
    step_by_step = x
    for part in parts:
        step_by_step = run(part, step_by_step)
    np.testing.assert_array_equal(
        run(bundle([join({f"part{i}": p for i, p in enumerate(parts)}, "x", "y", "all")]), x), step_by_step
    )


def test_the_signature_names_input_and_output() -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = bundle([join({"a": linear(np.eye(2)), "b": linear(np.eye(2) * 3)}, "x", "y", "triple")])
    runner = Interpreter(model_content=model).get_signature_runner("triple")
    np.testing.assert_array_equal(runner(x=np.ones((1, 2), np.float32))["y"], [[3, 3]])


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[1, 3\].*\[1, 2\]"):
        join({"a": linear(np.ones((2, 3))), "b": linear(np.ones((2, 2)))}, "x", "y", "s")


def test_graphs_of_one_file_share_their_weights() -> None:
    from ai_edge_litert.interpreter import Interpreter

    weights = np.random.default_rng(2).normal(size=(64, 64))
    one = linear(weights, quantise=True)
    once = bundle([join({"a": one}, "x", "y", "once")])
    model = bundle([join({"a": one}, "x", "y", "once"), join({"a": one, "b": one}, "x", "y", "twice")])
    assert len(model) < len(once) + 2000
    x = np.random.default_rng(3).uniform(0, 0.3, (1, 64)).astype(np.float32)
    interpreter = Interpreter(model_content=model)
    first = interpreter.get_signature_runner("once")(x=x)["y"]
    np.testing.assert_array_equal(first, run(once, x))
    second = interpreter.get_signature_runner("twice")(x=x)["y"]
    np.testing.assert_array_equal(second, run(once, first))


def test_buffers_lie_where_a_microcontroller_can_read_them() -> None:
    model = bundle([join({"a": linear(np.random.default_rng(4).normal(size=(33, 7)))}, "x", "y", "s")])
    for buffer in read_graph(model).buffers:
        if buffer.data is not None:
            assert model.find(buffer.data.tobytes()) % 16 == 0
