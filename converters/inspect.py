"""What a ``.tflite`` consists of: its operators by signature, and those that XNNPACK leaves to slower kernels."""

from __future__ import annotations

from collections import Counter
from typing import Any

from converters.graph import Builtin, builtin, operator_name, read_graph, write_graph


def operators_of(model: bytes) -> dict[str, Counter[str]]:
    """How often each operator occurs, by signature."""
    graph = read_graph(model)
    return {
        _text(definition.signatureKey): Counter(
            operator_name(graph, operator) for operator in graph.subgraphs[definition.subgraphIndex].operators
        )
        for definition in graph.signatureDefs
    }


def single_signature(model: bytes, key: str) -> Any:
    """The graph of one signature alone, with what it calls, as ``read_graph`` gives it.

    Raises:
        KeyError: the model has no such signature.
    """
    graph = read_graph(model)
    found = {_text(definition.signatureKey): definition for definition in graph.signatureDefs}[key]
    subgraphs = [graph.subgraphs[found.subgraphIndex]]
    for operator in subgraphs[0].operators:
        if builtin(graph, operator) == Builtin.CALL_ONCE:
            subgraphs.append(graph.subgraphs[operator.builtinOptions.initSubgraphIndex])
            operator.builtinOptions.initSubgraphIndex = len(subgraphs) - 1
    graph.subgraphs, graph.signatureDefs, found.subgraphIndex = subgraphs, [found], 0
    return graph


def off_xnnpack(model: bytes, key: str) -> Counter[str]:
    """Operators of a signature that ai-edge-litert does not hand to XNNPACK on this machine."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=write_graph(single_signature(model, key)))
    interpreter.allocate_tensors()
    # The nodes that were handed over stay in the list; the delegates that replace them follow.
    nodes = interpreter._get_ops_details()
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    makers = {int(tensor): node for node in nodes if node not in delegates for tensor in node["outputs"]}
    taken: set[int] = set()
    for delegate in delegates:
        given, wanted = {int(i) for i in delegate["inputs"]}, [int(i) for i in delegate["outputs"]]
        while wanted:
            tensor = wanted.pop()
            if tensor not in given and tensor in makers and makers[tensor]["index"] not in taken:
                taken.add(makers[tensor]["index"])
                wanted += [int(i) for i in makers[tensor]["inputs"]]
    return Counter(n["op_name"] for n in nodes if n["op_name"] != "DELEGATE" and n["index"] not in taken)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else name
