"""Joins TFLite models end to end in one graph, and several graphs as signatures of one file.

A front end must stay float32 and so must the codebook search (int8 scores collapse onto 256 levels), while the
convolutions between them are int8. The converter quantises a graph as a whole, so each part is converted on its
own and the flatbuffers are joined: each one's single output becomes the next one's single input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from converters.graph import read_graph, set_signature, write_graph


def join(parts: Mapping[str, bytes], inputs: str, outputs: str, signature: str) -> Any:
    """Join single-input, single-output models of one subgraph each.

    Args:
        parts: ``.tflite`` files by name, in the order in which data passes them.
        inputs: name of the joint graph's input in its signature.
        outputs: name of its output.
        signature: name of the signature.

    Returns:
        a graph as ``read_graph`` gives it.

    Raises:
        ValueError: a part with several inputs, outputs or subgraphs, or two that do not fit each other.
    """
    models = [_read(name, part) for name, part in parts.items()]
    whole, graph = models[0], models[0].subgraphs[0]
    for name, model in zip(list(parts)[1:], models[1:], strict=True):
        graph.tensors[graph.outputs[0]].name = f"into_{name}"
        _append(whole, model)
    set_signature(whole, signature, {inputs: graph.inputs[0]}, {outputs: graph.outputs[0]})
    return whole


def put_before(name: str, part: bytes, graph: Any, inputs: str) -> Any:
    """Let a part compute what a graph takes; the part's input becomes the graph's.

    Args:
        name: of the part.
        part: a ``.tflite`` of one subgraph, input and output.
        graph: of one subgraph, input and output, as ``join`` gives it.
        inputs: name of the new input in the signature.

    Returns:
        the longer graph; ``graph`` itself must not be used any more.
    """
    whole = _read(name, part)
    (output,), key = graph.signatureDefs[0].outputs, graph.signatureDefs[0].signatureKey
    first = whole.subgraphs[0]
    # The graph's own input stays behind unused: it must not have the name of what takes its place.
    entry = graph.subgraphs[0].tensors[graph.subgraphs[0].inputs[0]]
    first.tensors[first.outputs[0]].name, entry.name = entry.name, f"after_{name}"
    _append(whole, graph)
    set_signature(whole, key, {inputs: first.inputs[0]}, {output.name: first.outputs[0]})
    return whole


def bundle(graphs: Iterable[Any]) -> bytes:
    """One ``.tflite`` of several graphs, each by its signature; what they have in common is stored once.

    Args:
        graphs: of one signature each, and of one subgraph but for the first, which is what runs where no signature is
            named, and may have more that it calls.
    """
    whole, *others = graphs
    for index, other in enumerate(others, start=len(whole.subgraphs)):
        for tensor in other.subgraphs[0].tensors:
            tensor.buffer += len(whole.buffers)
        for operator in other.subgraphs[0].operators:
            operator.opcodeIndex += len(whole.operatorCodes)
        whole.buffers += other.buffers
        whole.operatorCodes += other.operatorCodes
        whole.subgraphs += other.subgraphs
        other.signatureDefs[0].subgraphIndex = index
        whole.signatureDefs += other.signatureDefs
    _store_once(whole)
    whole.metadata, whole.metadataBuffer = None, None
    whole.description = "EDGY encoder; see edgy.json in the zip behind this model"
    return write_graph(whole)


def _store_once(model: Any) -> None:
    """Let tensors share equal buffers, and operators equal codes; the first buffer must be the empty one."""
    contents, buffers = {b"": 0}, [model.buffers[0]]
    codes: dict[tuple[object, ...], int] = {}
    kept: list[Any] = []
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            content = b"" if buffer.data is None else bytes(buffer.data)
            if content not in contents:
                contents[content] = len(buffers)
                buffers.append(buffer)
            tensor.buffer = contents[content]
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            key = (code.builtinCode, code.deprecatedBuiltinCode, code.version, code.customCode)
            if key not in codes:
                codes[key] = len(kept)
                kept.append(code)
            operator.opcodeIndex = codes[key]
    model.buffers, model.operatorCodes = buffers, kept


def _read(name: str, part: bytes) -> Any:
    model = read_graph(part)
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1 or len(model.subgraphs[0].outputs) != 1:
        raise ValueError(f"{name} must have one subgraph with one input and one output")
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        # The converter's own names count what the process has traced before; these are the same every time.
        tensor.name = f"{name}_{index}"
    return model


def _append(whole: Any, model: Any) -> None:
    first, second = whole.subgraphs[0], model.subgraphs[0]
    joint, entry = first.tensors[first.outputs[0]], second.tensors[second.inputs[0]]
    if list(joint.shape) != list(entry.shape) or joint.type != entry.type:
        raise ValueError(f"output {list(joint.shape)} of one part is not the input {list(entry.shape)} of the next")
    buffers, tensors, codes = len(whole.buffers), len(first.tensors), len(whole.operatorCodes)
    whole.buffers += model.buffers
    whole.operatorCodes += model.operatorCodes
    for tensor in second.tensors:
        tensor.buffer += buffers
    first.tensors += second.tensors

    def moved(indices: Any) -> list[int]:
        # -1 stands for an optional tensor that is absent.
        return [first.outputs[0] if i == second.inputs[0] else i + tensors if i >= 0 else i for i in indices]

    for operator in second.operators:
        operator.opcodeIndex += codes
        operator.inputs = moved(operator.inputs)
        operator.outputs = moved(operator.outputs)
        if operator.intermediates is not None:
            operator.intermediates = moved(operator.intermediates)
    first.operators += second.operators
    first.outputs = moved(second.outputs)
