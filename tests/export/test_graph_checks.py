"""Signs of training mode in graphs that are written by hand."""

import types

import tensorflow as tf

from kzoo.export.gate.graph_checks import not_repeatable, training_ops


def graph_of(*functions, root="f"):
    """An export whose signature calls a function, which may call others: (name, [(operation, what it calls)])."""
    graph = tf.compat.v1.GraphDef()
    called = graph.node.add(name="call", op="StatefulPartitionedCall")
    called.attr["f"].func.name = root
    graph.node.add(name="restore", op="AssignVariableOp")
    unused = graph.node.add(name="saver", op="StatefulPartitionedCall")
    unused.attr["f"].func.name = "saving"
    for name, nodes in functions:
        function = graph.library.function.add()
        function.signature.name = name
        for number, (op, calls) in enumerate(nodes):
            node = function.node_def.add(name=f"{name}/{number}", op=op)
            if op.startswith("FusedBatchNorm"):
                node.attr["is_training"].b = calls
            elif calls:
                node.attr["branches"].list.func.add().name = calls
    output = types.SimpleNamespace(outputs={"outputs": types.SimpleNamespace(key="call:0")})
    return types.SimpleNamespace(graph=graph, signatures={"numeric": output})


CALL = "Call the layer with training=False when not training."


def test_signs_of_training_mode_are_found_however_deep():
    saving = ("saving", [("AssignVariableOp", None), ("RandomUniform", None)])
    calm = [("MatMul", None), ("FusedBatchNormV3", False), ("Case", "g")]
    assert training_ops(graph_of(("f", calm), ("g", [("Relu", "f")]), saving)) == []
    norm = ("g", [("Relu", "f"), ("FusedBatchNormV3", True), ("FusedBatchNorm", True)])
    assert training_ops(graph_of(("f", calm), norm, saving)) == [
        f"Batch norm uses the statistics of the batch ({name}), as in training mode. {CALL}" for name in ("g/1", "g/2")
    ]
    updating = ("g", [("AssignSubVariableOp", "h"), ("AssignVariableOp", None), ("AssignAddVariableOp", None)])
    assert training_ops(graph_of(("f", calm), updating, ("h", []), saving)) == [
        f"Answering updates a variable (g/{number}), as in training mode. {CALL}" for number in (0, 1, 2)
    ]
    seed = ("g", [("AssignAddVariableOp", None), ("FusedBatchNormV2", True), *[("RandomUniform", None)] * 4])
    norm, drawn = training_ops(graph_of(("f", calm), seed, saving))
    assert norm.startswith("Batch norm uses the statistics of the batch (g/1)")
    assert drawn.startswith("Answering draws random numbers (g/2, g/3, g/4), so that the same row gets another answer")
    only_drawn = ("g", [("Multinomial", None)])
    assert training_ops(graph_of(("f", calm), only_drawn, saving)) == [], "the gate asks twice"
    assert "(g/0)" in not_repeatable(graph_of(("f", calm), only_drawn, saving))
