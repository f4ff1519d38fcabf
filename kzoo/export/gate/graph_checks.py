"""Signs of training mode in a graph: what a signature runs must neither update weights nor use batch statistics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from kzoo.export.inference.runner import Runner

_UPDATES = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
RANDOM = re.compile("Random|Multinomial|ParameterizedTruncatedNormal|StatefulStandardNormal")
"""Kinds of operations that draw random numbers."""
_BATCH_NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def training_ops(runner: Runner) -> list[str]:
    """What the signatures of an export would do that belongs to training.

    Args:
        runner: The export.

    Returns:
        One sentence per problem.
    """
    nodes = list(_nodes_run(runner))
    updates = sorted({node.name for node in nodes if node.op in _UPDATES})
    norms = sorted({node.name for node in nodes if node.op in _BATCH_NORMS and node.attr["is_training"].b})
    drawn = _drawn(nodes)
    problems = [f"Batch norm uses the statistics of the batch ({name}), as in training mode. {_CALL}" for name in norms]
    if updates and drawn:
        return [*problems, _random(drawn)]
    return problems + [f"Answering updates a variable ({name}), as in training mode. {_CALL}" for name in updates]


def not_repeatable(runner: Runner) -> str:
    """Why an export that answers the same batch in several ways may do so."""
    drawn = _drawn(_nodes_run(runner))
    return _random(drawn) if drawn else _CALL


_CALL = "Call the layer with training=False when not training."


def _drawn(nodes: Iterable[Any]) -> list[str]:
    return sorted({node.name for node in nodes if RANDOM.search(node.op)})


def _random(drawn: list[str]) -> str:
    return (
        f"Answering draws random numbers ({', '.join(drawn[:3])}), so that the same row gets another answer each time. "
        "Call dropout and noise with training=False when not training, and draw samples outside the model."
    )


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
