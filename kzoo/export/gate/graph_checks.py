"""Signs of training mode in a graph: what a signature runs must neither update weights nor use batch statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kzoo.export.inference.runner import Runner

_UPDATES = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def training_ops(runner: Runner) -> list[str]:
    """What the signatures of an export would do that belongs to training.

    Args:
        runner: The export.

    Returns:
        One sentence per problem.
    """
    problems = []
    for node in _nodes_run(runner):
        if node.op in _UPDATES:
            problems.append(f"Answering updates a variable ({node.name}), as in training mode.")
        elif node.op in _BATCH_NORMS and node.attr["is_training"].b:
            problems.append(f"Batch norm uses the statistics of the batch ({node.name}), as in training mode.")
    return [f"{problem} Call the layer with training=False when not training." for problem in sorted(set(problems))]


def _nodes_run(runner: Runner) -> Iterator[Any]:
    """Nodes of the functions that the signatures call; the graph itself also restores the weights, by assignments."""
    functions = {function.signature.name: function.node_def for function in runner.graph.library.function}
    outputs = {
        tensor.key.split(":")[0] for signature in runner.signatures.values() for tensor in signature.outputs.values()
    }
    todo = [name for node in runner.graph.node if node.name in outputs for name in _called([node])]
    seen = set(todo)
    while todo:
        nodes = functions.get(todo.pop(), ())
        yield from nodes
        new = set(_called(nodes)) - seen
        seen |= new
        todo += new


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    for node in nodes:
        for attribute in node.attr.values():
            if attribute.HasField("func"):
                yield attribute.func.name
            yield from (function.name for function in attribute.list.func)
