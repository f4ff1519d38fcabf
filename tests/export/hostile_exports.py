"""Exports that somebody wrote to do harm, each a program that TensorFlow would run when it loads or asks it."""

import os
import re
import shutil

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

ROWS = tf.TensorSpec([None, 2], tf.float32, name="x")


def save(directory, function, **attributes):
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([2]))
    for name, value in attributes.items():
        setattr(module, name, value)
    module.answer = tf.function(lambda x: {"y": function(x) * module.weights}, autograph=False)
    tf.saved_model.save(module, str(directory), {"serving_default": module.answer.get_concrete_function(ROWS)})


def changed(directory):
    """The SavedModel of a directory, to change; write it with `rewrite`."""
    return saved_model_pb2.SavedModel.FromString((directory / "saved_model.pb").read_bytes())


def rewrite(directory, saved_model):
    (directory / "saved_model.pb").write_bytes(saved_model.SerializeToString())


def after(*operations):
    """An identity that waits for these."""

    def function(x):
        with tf.control_dependencies([each() for each in operations]):
            return tf.identity(x)

    return function


def writes(mark):
    return lambda: tf.raw_ops.WriteFile(filename=str(mark), contents="harm")


def of_operation(make):
    return lambda directory, mark: save(directory, after(lambda: make(mark)))


def in_a_branch(directory, mark):
    save(directory, lambda x: tf.cond(tf.size(x) > 100, lambda: x, lambda: _written(x, mark)))


def _written(x, mark):
    with tf.control_dependencies([writes(mark)()]):
        return tf.identity(x)


def in_a_loop(directory, mark):
    save(directory, lambda x: tf.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, _written(x, mark)), (0, x))[1])


def in_a_map(directory, mark):
    save(directory, lambda x: tf.map_fn(lambda row: _written(row, mark), x))


def when_loaded(directory, mark):
    """The operation that initialises an export, which a loader runs before anything is asked."""
    save(directory, lambda x: x)
    saved_model = changed(directory)
    (meta_graph,) = saved_model.meta_graphs
    graph = tf.Graph()
    with graph.as_default():
        tf.raw_ops.WriteFile(filename=str(mark), contents="harm", name="harm")
    meta_graph.graph_def.node.extend(graph.as_graph_def().node)
    meta_graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name = "harm"
    rewrite(directory, saved_model)


def in_another_function_name(directory, mark):
    """A function named like a harmless operation would not hide one."""
    save(directory, after(writes(mark)))
    saved_model = changed(directory)
    content = saved_model.SerializeToString().replace(b"WriteFile", b"No\nSuchOp")
    (directory / "saved_model.pb").write_bytes(content)


def reads_weights_elsewhere(directory, mark):
    save(directory, lambda x: x + tf.raw_ops.RestoreV2(
        prefix=str(mark), tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32])[0])  # fmt: skip


def saves_weights(directory, mark):
    """The function that saves weights, which no loader calls, as what is asked."""
    save(directory, lambda x: x)
    saved_model = changed(directory)
    (meta_graph,) = saved_model.meta_graphs
    output = meta_graph.signature_def["serving_default"].outputs["y"]
    output.name, output.dtype = meta_graph.saver_def.save_tensor_name, tf.string.as_datatype_enum
    rewrite(directory, saved_model)


def reads_a_table_elsewhere(directory, mark):
    (mark.parent / "words.txt").write_text("a\nb\n")
    lines = (tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
    initializer = tf.lookup.TextFileInitializer(str(mark.parent / "words.txt"), *lines)
    table = tf.lookup.StaticHashTable(initializer, -1)
    save(directory, lambda x: x + tf.cast(table.lookup(tf.constant(["a"])), tf.float32), table=table)
    saved_model = changed(directory)
    saved_model.meta_graphs[0].asset_file_def[0].filename = "../../words.txt"
    rewrite(directory, saved_model)


def reads_a_table_that_is_no_asset(directory, mark):
    reads_a_table_elsewhere(directory, mark)
    saved_model = changed(directory)
    del saved_model.meta_graphs[0].asset_file_def[:]
    rewrite(directory, saved_model)


def reads_a_table_by_another_list_of_assets(directory, mark):
    """The loader feeds what older exports list as assets, whichever tensors these are."""
    reads_a_table_elsewhere(directory, mark)
    saved_model = changed(directory)
    (meta_graph,) = saved_model.meta_graphs
    shutil.copy(mark.parent / "words.txt", directory / "assets")
    meta_graph.asset_file_def[0].filename = "words.txt"
    asset = meta_graph_pb2.AssetFileDef(filename="../../../words.txt")
    asset.tensor_info.name = "ReadVariableOp:0"
    meta_graph.collection_def["saved_model_assets"].any_list.value.add().Pack(asset)
    rewrite(directory, saved_model)


def takes_the_name_of_a_file_from_requests(directory, mark):
    """An input that stands between the name of an asset and what reads it."""
    reads_a_table_elsewhere(directory, mark)
    saved_model = changed(directory)
    (meta_graph,) = saved_model.meta_graphs
    shutil.copy(mark.parent / "words.txt", directory / "assets")
    meta_graph.asset_file_def[0].filename = "words.txt"
    asked = meta_graph.signature_def["serving_default"].inputs["path"]
    asked.name, asked.dtype = "ReadVariableOp:0", tf.string.as_datatype_enum
    rewrite(directory, saved_model)


def graph_in_a_constant(directory, mark):
    """A graph as a text in a graph, which a scanner of the outer one does not see."""
    inner = tf.Graph()
    with inner.as_default(), tf.control_dependencies([writes(mark)()]):
        tf.identity(tf.raw_ops.RangeDataset(start=0, stop=1, step=1, output_types=[tf.int64], output_shapes=[[]]), "r")
    save(directory, after(lambda: tf.raw_ops.DatasetFromGraph(graph_def=inner.as_graph_def().SerializeToString())))


def links_elsewhere(directory, mark):
    save(directory, lambda x: x)
    data = directory / "variables" / "variables.data-00000-of-00001"
    data.rename(mark.parent / "elsewhere")
    data.symlink_to(mark.parent / "elsewhere")


def has_a_pipe(directory, mark):
    save(directory, lambda x: x)
    os.mkfifo(directory / "assets" / "pipe")


def graph_is_a_pipe(directory, mark):
    save(directory, lambda x: x)
    (directory / "saved_model.pb").unlink()
    os.mkfifo(directory / "saved_model.pb")


def graph_is_a_directory(directory, mark):
    (directory / "saved_model.pb").mkdir(parents=True)


def graph_is_noise(directory, mark):
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(np.random.default_rng(0).bytes(10_000))


def graph_is_cut(directory, mark):
    save(directory, lambda x: x)
    path = directory / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-100])


def nothing_in_it(directory, mark):
    directory.mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"")


def calls_what_is_not_there(directory, mark):
    """A name of a function, mistaken: TensorFlow's error would have the whole graph in it."""
    save(directory, lambda x: x)
    saved_model = changed(directory)
    for node in saved_model.meta_graphs[0].graph_def.node:
        if node.op.endswith("PartitionedCall") and "wrapper" in node.attr["f"].func.name:
            node.attr["f"].func.name = "__inference_nothing"
    rewrite(directory, saved_model)


def calls_itself(directory, mark):
    """A function that calls itself for ever."""
    save(directory, lambda x: x)
    saved_model = changed(directory)
    graph = saved_model.meta_graphs[0].graph_def
    caller = next(each for each in graph.library.function if re.search("signature_wrapper", each.signature.name))
    for node in caller.node_def:
        if node.op.endswith("PartitionedCall"):
            node.attr["f"].func.name = caller.signature.name
    rewrite(directory, saved_model)


R = tf.raw_ops
OPERATIONS = {
    "WriteFile": lambda mark: R.WriteFile(filename=str(mark), contents="harm"),
    "ReadFile": lambda mark: R.ReadFile(filename="/etc/hostname"),
    "MatchingFiles": lambda mark: R.MatchingFiles(pattern="/etc/*"),
    "PrintV2": lambda mark: R.PrintV2(input="harm", output_stream=f"file://{mark}"),
    "EagerPyFunc": lambda mark: tf.py_function(lambda: mark.write_text("harm") and None, [], []),
    "PyFunc": lambda mark: tf.numpy_function(lambda: np.float32(mark.write_text("harm")), [], tf.float32),
    "SaveV2": lambda mark: R.SaveV2(
        prefix=str(mark), tensor_names=["w"], shape_and_slices=[""], tensors=[tf.zeros([2])]
    ),
    "MergeV2Checkpoints": lambda mark: R.MergeV2Checkpoints(
        checkpoint_prefixes=[str(mark)], destination_prefix=str(mark), delete_old_dirs=True
    ),
    "LoadAndRemapMatrix": lambda mark: R.LoadAndRemapMatrix(
        ckpt_path=str(mark), old_tensor_name="w", row_remapping=[0], col_remapping=[0], initializing_values=[],
        num_rows=1, num_cols=1,
    ),
    "ImmutableConst": lambda mark: R.ImmutableConst(dtype=tf.uint8, shape=[1], memory_region_name="/etc/hostname"),
    "FixedUnigramCandidateSampler": lambda mark: R.FixedUnigramCandidateSampler(
        true_classes=[[1]], num_true=1, num_sampled=1, unique=True, range_max=1, vocab_file="/etc/hostname"
    ).sampled_candidates,
    "TextLineDataset": lambda mark: R.TextLineDataset(filenames=["/etc/hostname"], compression_type="", buffer_size=0),
    "CreateSummaryFileWriter": lambda mark: R.CreateSummaryFileWriter(
        writer=R.SummaryWriter(shared_name="", container=""), logdir=str(mark), max_queue=1, flush_millis=1,
        filename_suffix="",
    ),
    "DebugIdentityV3": lambda mark: R.DebugIdentityV3(input=1.0, debug_urls=[f"file://{mark}"]),
    "DecodeProtoV2": lambda mark: R.DecodeProtoV2(
        bytes=[b""], message_type="x", field_names=[], output_types=[], descriptor_source="/etc/hostname"
    ).sizes,
    "GenerateVocabRemapping": lambda mark: R.GenerateVocabRemapping(
        new_vocab_file="/etc/hostname", old_vocab_file="/etc/hostname", new_vocab_offset=0, num_new_vocab=1
    ).remapping,
    "WholeFileReaderV2": lambda mark: R.WholeFileReaderV2(),
    "Abort": lambda mark: R.Abort(error_msg="harm"),
}  # fmt: skip

HOSTILE = {
    **{name: of_operation(make) for name, make in OPERATIONS.items()},
    **{
        build.__name__: build
        for build in (
            in_a_branch, in_a_loop, in_a_map, when_loaded, in_another_function_name, reads_weights_elsewhere,
            saves_weights, reads_a_table_elsewhere, reads_a_table_that_is_no_asset,
            reads_a_table_by_another_list_of_assets, takes_the_name_of_a_file_from_requests, graph_in_a_constant,
            links_elsewhere, has_a_pipe,
            graph_is_a_pipe, graph_is_a_directory, graph_is_noise, graph_is_cut, nothing_in_it, calls_what_is_not_there,
            calls_itself,
        )
    },
}  # fmt: skip
"""By name, what writes an export into a directory; where it could do harm, there is a file at the mark afterwards."""
