"""What a SavedModel is changed in after TensorFlow has written it: names of inputs, and what a server never runs.

How to save the weights again is such a thing.

TensorFlow writes that into every SavedModel, by the side of how to restore them. For a small model it is a quarter of
the graph, which the server reads and optimises when it loads. Exports are written once, so nothing misses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2


def asset_names(directory: Path) -> list[str]:
    """Names of the files in `assets` that a SavedModel reads when it is loaded; TensorFlow leaves out what is gone."""
    saved_model = saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())
    return [asset.filename for meta_graph in saved_model.meta_graphs for asset in meta_graph.asset_file_def]


def drop_saving(directory: Path) -> None:
    """Take the function that saves weights out of a SavedModel, and the node that calls it.

    Args:
        directory: The SavedModel. Its `fingerprint.pb` goes too, since it is that of the graph as it was; the manifest
            has the digests of the files as they are.
    """
    path = directory / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        graph, saver = meta_graph.graph_def, meta_graph.saver_def.save_tensor_name.split(":")[0]
        (node,) = (node for node in graph.node if node.name == saver)
        (function,) = (each for each in graph.library.function if each.signature.name == node.attr["f"].func.name)
        graph.node.remove(node)
        graph.library.function.remove(function)
    path.write_bytes(saved_model.SerializeToString())
    (directory / "fingerprint.pb").unlink()


def rename_inputs(directory: Path, names: Mapping[str, str]) -> None:
    """Give the inputs of a SavedModel's signatures names that no argument of a Python function can have.

    Args:
        directory: The SavedModel.
        names: The name of an input by the one that it was written with.
    """
    if all(old == new for old, new in names.items()):
        return
    path = directory / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        for signature in meta_graph.signature_def.values():
            tensors = {names.get(old, old): info for old, info in signature.inputs.items()}
            signature.ClearField("inputs")
            for name, info in tensors.items():
                signature.inputs[name].CopyFrom(info)
    path.write_bytes(saved_model.SerializeToString())
