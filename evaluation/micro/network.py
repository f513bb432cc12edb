"""The network of an exported library as C on CMSIS-NN, where TensorFlow Lite Micro is not to be had.

TFLM on a Cortex-M calls these very kernels. The file has the three functions of the library's ``edgy_network.h``, so
the rest of the library is what a user of TFLM has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow.lite.python import schema_py_generated as schema

from converters.graph import Builtin, builtin, constant, operator_name, read_graph
from evaluation.micro.boards import MicroError

_TYPES = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}
_ADD_SHIFT = 20
"""Bits that TFLM and CMSIS-NN move the operands of an int8 addition up by."""

_HEAD = """\
#include <string.h>

#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"
#include "edgy_network.h"

static int8_t scratch[16384] __attribute__((aligned(16)));

/* arm_elementwise_add_s8 of CMSIS-NN, which the sources at hand lack. */
static void add(const int8_t *a, const int8_t *b, int8_t *out, int count, const int32_t *p) {
    for (int i = 0; i < count; i++) {
        int32_t x = arm_nn_requantize((a[i] + p[0]) * (1 << 20), p[1], p[2]);
        int32_t y = arm_nn_requantize((b[i] + p[3]) * (1 << 20), p[4], p[5]);
        int32_t sum = arm_nn_requantize(x + y, p[6], p[7]) + p[8];
        out[i] = (int8_t)(sum < p[9] ? p[9] : sum > p[10] ? p[10] : sum);
    }
}
"""


def network_source(model: bytes) -> str:
    """C of a graph as `converters.micro.graph` cuts it.

    Raises:
        MicroError: an operator that this has no kernel for.
    """
    return _Source(model).text()


def multiplier(real: float) -> tuple[int, int]:
    """A real factor as TFLM has it: an integer of 31 bits and a shift (``QuantizeMultiplier``)."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    whole = math.floor(fraction * 2**31 + 0.5)
    return (whole // 2, shift + 1) if whole == 2**31 else (whole, shift)


class _Source:
    def __init__(self, model: bytes) -> None:
        self._model = read_graph(model)
        self._graph = self._model.subgraphs[0]
        self._data: list[str] = []
        self._steps: list[str] = []

    def text(self) -> str:
        kernels: dict[int, Callable[[Any], Iterator[str]]] = {
            Builtin.CONV_2D: self._convolution,
            Builtin.ADD: self._addition,
            Builtin.CONCATENATION: self._concatenation,
            Builtin.STRIDED_SLICE: self._slice,
            Builtin.RESHAPE: self._reshape,
        }
        for operator in self._graph.operators:
            kernel = kernels.get(builtin(self._model, operator))
            if kernel is None:
                raise MicroError(f"no kernel of CMSIS-NN is wired for {operator_name(self._model, operator)} yet")
            self._steps += kernel(operator)
        mel, *states = self._graph.inputs
        units, *kept = self._graph.outputs
        computed = dict.fromkeys([*self._graph.inputs, *(i for o in self._graph.operators for i in o.outputs)])
        for index in computed:
            self._data.append(f"static int8_t t{index}[{self._count(index)}] __attribute__((aligned(16)));")
        begin = [f"    memset(t{i}, 0, sizeof t{i});" for i in states]
        keep = [f"    memcpy(t{i}, t{o}, sizeof t{i});" for i, o in zip(states, kept, strict=True)]
        take = [f"    memcpy(t{mel}, levels, sizeof t{mel});"]
        lines = [
            *("", *self._data, "", "int edgy_network_begin(void) {", *begin, "    return 0;", "}", ""),
            *("const int8_t *edgy_network_step(const int8_t *levels) {", *take, *self._steps, *keep),
            *(f"    return t{units};", "}", ""),
        ]
        return _HEAD + "\n".join(lines)

    def _convolution(self, operator: Any) -> Iterator[str]:
        source, weights, bias = operator.inputs
        (out,) = operator.outputs
        options, data = operator.builtinOptions, self._tensor(weights)
        n, into = len(self._data), self._quantisation(source)[0]
        pairs = [multiplier(into * scale / self._quantisation(out)[0]) for scale in self._scales(weights)]
        if options.padding != schema.Padding.VALID:
            raise MicroError("a convolution that pads cannot be streamed")
        self._array("int8_t", f"w{n}", data)
        self._array("int32_t", f"b{n}", self._tensor(bias))
        self._array("int32_t", f"m{n}", [m for m, _ in pairs])
        self._array("int32_t", f"s{n}", [s for _, s in pairs])
        low, high = self._range(out, options.fusedActivationFunction)
        zero_in, zero_out = self._quantisation(source)[1], self._quantisation(out)[1]
        yield f"""\
    {{
        const cmsis_nn_conv_params p = {{{-zero_in}, {zero_out}, {{{options.strideW}, {options.strideH}}}, {{0, 0}},
                                        {{{options.dilationWFactor}, {options.dilationHFactor}}}, {{{low}, {high}}}}};
        const cmsis_nn_per_channel_quant_params q = {{(int32_t *)m{n}, (int32_t *)s{n}}};
        const cmsis_nn_dims in = {self._dims(source)}, filter = {self._dims(weights)}, out = {self._dims(out)};
        const cmsis_nn_dims bias = {{1, 1, 1, out.c}};
        const cmsis_nn_context context = {{scratch, sizeof scratch}};
        if (arm_convolve_wrapper_s8_get_buffer_size(&p, &in, &filter, &out) > (int32_t)sizeof scratch) return 0;
        if (arm_convolve_wrapper_s8(&context, &p, &q, &in, t{source}, &filter, w{n}, &bias, b{n}, &out, t{out}))
            return 0;
    }}"""

    def _addition(self, operator: Any) -> Iterator[str]:
        (a, b), (out,) = operator.inputs, operator.outputs
        (scale_a, zero_a), (scale_b, zero_b), (scale, zero) = map(self._quantisation, (a, b, out))
        twice = 2 * max(scale_a, scale_b)
        parts = [multiplier(x) for x in (scale_a / twice, scale_b / twice, twice / (2**_ADD_SHIFT * scale))]
        low, high = self._range(out, operator.builtinOptions.fusedActivationFunction)
        n = len(self._data)
        self._array("int32_t", f"a{n}", [-zero_a, *parts[0], -zero_b, *parts[1], *parts[2], zero, low, high])
        yield f"    add(t{a}, t{b}, t{out}, {self._count(out)}, a{n});"

    def _concatenation(self, operator: Any) -> Iterator[str]:
        (out,), at = operator.outputs, 0
        if self._shape(out)[:2] != (1, 1) or operator.builtinOptions.axis != 2:
            raise MicroError("only frames can be put one after the other")
        for source in operator.inputs:
            yield f"    memcpy(t{out} + {at}, t{source}, sizeof t{source});"
            at += self._count(source)

    def _slice(self, operator: Any) -> Iterator[str]:
        source, *bounds = operator.inputs
        (out,), options = operator.outputs, operator.builtinOptions
        shape = self._shape(source)
        first, _, by = (self._tensor(i).tolist() for i in bounds)
        start = [
            0 if options.beginMask >> i & 1 else n % size for i, (n, size) in enumerate(zip(first, shape, strict=True))
        ]
        whole = tuple(start[:2]) == (0, 0) and start[3] == 0 and shape[:2] == (1, 1)
        if not whole or set(by) != {1} or self._shape(out)[3] != shape[3]:
            raise MicroError("only frames can be sliced")
        yield f"    memcpy(t{out}, t{source} + {start[2] * shape[3]}, sizeof t{out});"

    def _reshape(self, operator: Any) -> Iterator[str]:
        yield f"    memcpy(t{operator.outputs[0]}, t{operator.inputs[0]}, sizeof t{operator.outputs[0]});"

    def _array(self, kind: str, name: str, values: Any) -> None:
        numbers = ",".join(map(str, np.asarray(values).reshape(-1).tolist()))
        self._data.append(f"static const {kind} {name}[] __attribute__((aligned(16))) = {{{numbers}}};")

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(map(int, self._graph.tensors[index].shape))

    def _count(self, index: int) -> int:
        return math.prod(self._shape(index))

    def _dims(self, index: int) -> str:
        return "{" + ", ".join(map(str, self._shape(index))) + "}"

    def _tensor(self, index: int) -> npt.NDArray:
        tensor = self._graph.tensors[index]
        data = constant(self._model, tensor)
        if data is None:
            raise MicroError(f"{tensor.name} is no constant")
        return data.view(_TYPES[tensor.type]).reshape(tensor.shape)

    def _scales(self, index: int) -> list[float]:
        """Scale of each filter."""
        scales = self._graph.tensors[index].quantization.scale
        return [float(s) for s in np.broadcast_to(scales, self._shape(index)[:1])]

    def _quantisation(self, index: int) -> tuple[float, int]:
        values = self._graph.tensors[index].quantization
        return float(values.scale[0]), int(values.zeroPoint[0])

    def _range(self, out: int, activation: int) -> tuple[int, int]:
        zero = self._quantisation(out)[1]
        if activation == schema.ActivationFunctionType.NONE:
            return -128, 127
        if activation == schema.ActivationFunctionType.RELU:
            return max(-128, zero), 127
        raise MicroError(f"activation {activation} has no range yet")
