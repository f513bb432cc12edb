"""An encoder for TensorFlow Lite Micro: the streaming graph alone, checked, its arena measured, as a C array.

On a microcontroller the front end is code of its own, so the graph takes log-mel in the encoder's own integers; one
step of it is one code, and the caller copies each state from the outputs to the inputs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, builtin, operator_name, read_graph, set_signature, write_graph
from converters.inspect import single_signature
from edgy_tf.errors import MissingDependencyError, ModelError
from pi_runtime.model_file import ModelInfo, read_info

# What the resolver of tflite-micro's interpreter registers (python/tflite_micro/python_ops_resolver.cc), by the
# schema's names, without the operators that are not in the schema.
TFLM_OPERATORS = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO
    CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP
    EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
    L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
    MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE
    REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX
    SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF
    TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """.split()
)
FILES = ("edgy_encoder.h", "edgy_encoder.c")
_LARGEST = 16 << 20

# Runs beside nothing else: TFLM prints what it finds wrong to the process' stderr.
_MEASURE = """
import sys
from tflite_micro.python.tflite_micro import runtime

model, largest = sys.stdin.buffer.read(), int(sys.argv[1])

def runs(arena):
    try:
        runtime.Interpreter.from_bytes(model, arena_size=arena).invoke()
    except RuntimeError:
        return False
    return True

if not runs(largest):
    sys.exit(1)
below, enough = 0, largest
while enough - below > 16:
    middle = (below + enough) // 32 * 16
    below, enough = (below, middle) if runs(middle) else (middle, enough)
print(enough)
"""


def micro_model(model: bytes) -> bytes:
    """The graph of ``encode_stream`` alone, its log-mel input in the type and scale of the first convolution.

    Raises:
        ModelError: an encoder whose convolutions are not of integers, or an operator that TFLM lacks.
    """
    try:
        graph = single_signature(model, "encode_stream")
    except KeyError as error:
        raise ModelError("the model has no signature encode_stream; export it again") from error
    for operator in graph.subgraphs[0].operators:
        if (name := operator_name(graph, operator)) not in TFLM_OPERATORS:
            raise ModelError(f"TensorFlow Lite Micro has no {name}; take it out of the encoder")
    _take_integers(graph)
    return write_graph(graph)


def arena_bytes(model: bytes) -> int:
    """Smallest tensor arena in which TFLM runs the model, measured on this machine; 32 bits need no more.

    Raises:
        MissingDependencyError: tflite-micro is not installed.
        ModelError: TFLM does not run the model in any.
    """
    done = subprocess.run([sys.executable, "-c", _MEASURE, str(_LARGEST)], input=model, capture_output=True)
    said = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        return int(done.stdout)
    if "ModuleNotFoundError" in said:
        raise MissingDependencyError("tflite-micro is not installed; run: pip install 'edgy-tf[micro]'")
    node = re.search(r"Node (\w+) .*failed", said)
    where = f"its {node[1]} fails" if node else (said.strip().splitlines() or ["it crashes"])[-1]
    raise ModelError(f"TensorFlow Lite Micro does not run the model: {where}; use the int8 variant")


def write_micro(path: Path, folder: Path, limit: int | None = None) -> int:
    """Write ``edgy_encoder.h`` and ``edgy_encoder.c`` of a converted encoder.

    Args:
        path: an encoder of variant int8 or int16x8.
        folder: for the two files; nothing is written on failure.
        limit: largest arena that the device has, bytes.

    Returns:
        bytes of the arena that it needs.

    Raises:
        ModelError: an encoder that does not run on TFLM or needs a larger arena.
        MissingDependencyError: tflite-micro is not installed.
    """
    model = micro_model(path.read_bytes())
    arena = arena_bytes(model)
    if limit is not None and arena > limit:
        raise ModelError(
            f"the encoder needs an arena of {arena:,} bytes, more than {limit:,}; train a preset of fewer units"
        )
    for name, text in zip(FILES, (_header(model, read_info(path), arena), _source(model)), strict=True):
        (folder / name).write_text(text, "ascii")
    return arena


def _take_integers(model: Any) -> None:
    """Remove the first operator, which quantises, so that the caller does."""
    graph, definition = model.subgraphs[0], model.signatureDefs[0]
    first = next((o for o in graph.operators if graph.inputs[0] in o.inputs), None)
    if first is None or builtin(model, first) != Builtin.QUANTIZE:
        raise ModelError("the encoder computes with float log-mel; for a microcontroller, export --variants int8")
    graph.operators.remove(first)
    inputs = {_name(entry): entry.tensorIndex for entry in definition.inputs}
    outputs = {_name(entry): entry.tensorIndex for entry in definition.outputs}
    set_signature(model, "encode_stream", inputs | {"mel": first.outputs[0]}, outputs)


def _name(entry: Any) -> str:
    return bytes(entry.name).decode()


def _header(model: bytes, info: ModelInfo, arena: int) -> str:
    graph = read_graph(model)
    tensors, inputs = graph.subgraphs[0].tensors, graph.subgraphs[0].inputs
    mel = tensors[inputs[0]]
    step, mels = int(mel.shape[1]), int(mel.shape[2])
    context = info.receptive_field - step
    operators = sorted({operator_name(graph, o) for o in graph.subgraphs[0].operators})
    number = {schema.TensorType.INT8: "int8_t", schema.TensorType.INT16: "int16_t"}[mel.type]
    return f"""\
/* EDGY encoder for TensorFlow Lite Micro: preset {info.preset}, variant {info.variant}, licence {info.licence}.
 *
 * Input 0 takes EDGY_FRAMES log-mel frames of EDGY_MELS {number}, each round(value / EDGY_MEL_SCALE) +
 * EDGY_MEL_ZERO_POINT; output 0 is one code, int32_t. Inputs 1 to EDGY_STATES take what outputs 1 to EDGY_STATES gave
 * in the step before; at the start they are zeros. EDGY_LEAD frames of anything precede the first frame, and the
 * first EDGY_UNREADY codes mean nothing.
 *
 * Operators: {", ".join(operators)}.
 */
#ifndef EDGY_ENCODER_H
#define EDGY_ENCODER_H

#define EDGY_CODEBOOK_ID "{info.codebook_id}"
#define EDGY_CODEBOOK_SIZE {info.codebook_size}
#define EDGY_ARENA_BYTES {arena}
#define EDGY_FRAMES {step}
#define EDGY_MELS {mels}
#define EDGY_MEL_SCALE {float(mel.quantization.scale[0])!r}f
#define EDGY_MEL_ZERO_POINT ({int(mel.quantization.zeroPoint[0])})
#define EDGY_STATES {len(inputs) - 1}
#define EDGY_LEAD {-context % step}
#define EDGY_UNREADY {-(-context // step)}

extern const unsigned char edgy_encoder[];
extern const unsigned int edgy_encoder_size;

#endif
"""


def _source(model: bytes) -> str:
    lines = "\n".join(",".join(map(str, model[i : i + 24])) + "," for i in range(0, len(model), 24))
    return f"""\
#include "edgy_encoder.h"

__attribute__((aligned(16))) const unsigned char edgy_encoder[] = {{
{lines}
}};
const unsigned int edgy_encoder_size = {len(model)};
"""
