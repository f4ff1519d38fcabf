"""Exports of others: what would do more than compute is refused before it runs, and everything else runs."""

import shutil
import sys

import hostile_exports
import keras
import numpy as np
import pytest
import tensorflow as tf
from hostile_exports import HOSTILE, OPERATIONS, save

import kzoo
from kzoo.export import Runner
from kzoo.export.inference.trust import pure_operations

REQUEST = {"inputs": [[1.0, 2.0]]}


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files, and links are for administrators")
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_exports_are_refused_in_one_line(kind, tmp_path):
    directory, mark = tmp_path / "saved_models" / "harm" / "1", tmp_path / "mark"
    HOSTILE[kind](directory, mark)
    with pytest.raises(kzoo.ExportError) as caught:
        kzoo.predict(directory, REQUEST)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 1000
    if kind in OPERATIONS:
        assert f"{kind} (" in message and "--trust" in message
    try:
        ((_, problems),) = kzoo.check(directory).items()
    except kzoo.ExportError as error:
        problems = [str(error)]
    assert problems and all("\n" not in problem for problem in problems)
    assert not list(tmp_path.glob("mark*"))


def test_trusted_they_run(tmp_path):
    HOSTILE["WriteFile"](tmp_path / "1", tmp_path / "mark")
    with pytest.raises(kzoo.ExportError, match=r"WriteFile \(__inference_.*--trust"):
        kzoo.predict(tmp_path, REQUEST)
    assert kzoo.predict(tmp_path, REQUEST, trust=True) == {"outputs": [[1.0, 2.0]]}
    assert (tmp_path / "mark").read_text() == "harm"


def test_links_are_followed_for_those_who_trust(tmp_path):
    HOSTILE["links_elsewhere"](tmp_path / "1", tmp_path / "mark")
    assert kzoo.predict(tmp_path, REQUEST, trust=True) == {"outputs": [[1.0, 2.0]]}


def test_printing_to_the_terminal_is_no_harm(tmp_path, capfd):
    save(tmp_path / "1", hostile_exports.after(lambda: tf.print("hello")))
    assert kzoo.predict(tmp_path, REQUEST) == {"outputs": [[1.0, 2.0]]}
    assert "hello" in capfd.readouterr().err


def test_tables_from_constants_and_from_assets_run(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")
    lines = (tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
    initializers = [
        tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([0, 1], tf.int64)),
        tf.lookup.TextFileInitializer(str(tmp_path / "words.txt"), *lines),
    ]
    for number, initializer in enumerate(initializers):
        table = tf.lookup.StaticHashTable(initializer, -1)

        def found(x, table=table):
            return x + tf.cast(table.lookup(tf.constant(["b"])), tf.float32)

        save(tmp_path / str(number), found, table=table)
        # What the table was made from is in the export.
        shutil.move(tmp_path / str(number), tmp_path / "moved" / str(number))
    (tmp_path / "words.txt").write_text("b\na\n")
    for number in range(2):
        assert kzoo.predict(tmp_path / "moved" / str(number), REQUEST) == {"outputs": [[2.0, 3.0]]}


def test_an_asset_is_that_of_the_export_whenever_it_is_read(tmp_path):
    """A loader feeds the names of assets only while it loads; what is asked later would see the path in the graph."""
    (tmp_path / "words.txt").write_text("a\n")
    asset = tf.saved_model.Asset(str(tmp_path / "words.txt"))
    save(tmp_path / "1", lambda x: x + tf.cast(tf.strings.length(asset.asset_path), tf.float32) * 0, asset=asset)
    with Runner(tmp_path / "1") as runner:
        assert runner.run("serving_default", {"x": np.ones((1, 2), "float32")})["y"].tolist() == [[1, 1]]


@pytest.mark.parametrize("kind", ["text", "recurrent", "image", "attention", "random"])
def test_exports_of_keras_itself_run(kind, tmp_path):
    layers = keras.layers
    inputs = {
        "text": keras.Input((), dtype="string"), "recurrent": keras.Input((5, 3)), "image": keras.Input((8, 8, 3)),
        "attention": keras.Input((5, 4)), "random": keras.Input((4,)),
    }[kind]  # fmt: skip
    stack = {
        "text": [layers.TextVectorization(output_sequence_length=4, vocabulary=["a", "b"]), layers.Embedding(9, 3)],
        "recurrent": [layers.GRU(4, return_sequences=True), layers.LSTM(3), layers.Dense(2)],
        "image": [layers.Rescaling(1 / 255), layers.RandomFlip(), layers.Conv2D(4, 3), layers.BatchNormalization(),
                  layers.GlobalMaxPooling2D()],
        "attention": [layers.LayerNormalization(), layers.Bidirectional(layers.SimpleRNN(2)), layers.Softmax()],
        "random": [layers.GaussianNoise(1.0), layers.Dropout(0.5), layers.Dense(3)],
    }[kind]  # fmt: skip
    outputs = inputs
    for layer in stack:
        outputs = layer(outputs)
    keras.Model(inputs, outputs).export(tmp_path / "1", verbose=False)
    with Runner(tmp_path / "1") as runner:
        ((name, tensor),) = runner.signatures["serving_default"].inputs.items()
        shape = [size or 2 for size in tensor.shape]
        value = np.full(shape, b"a b", object) if kind == "text" else np.ones(shape, "float32")
        assert runner.run("serving_default", {name: value})


def test_exports_of_tensorflow_1_run(tmp_path):
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        x = v1.placeholder(tf.float32, [None, 2], "x")
        y = x * v1.get_variable("w", initializer=[1.0, 2.0])
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "1"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    assert kzoo.predict(tmp_path, REQUEST) == {"outputs": [[1.0, 4.0]]}


REFUSED = """
    TPU Xla Dataset Iterator Reader Queue Barrier Debug Session PyFunc Rpc Collective Nccl BoostedTrees Infeed Outfeed
    Summary Experimental DTensor Mesh Relayout Stage OrderedMap ConditionalAccumulator ResourceAccumulator Mutex
    Generator MemoryCache SparseCore Minibatch DedupData RemoteCall Checkpoint MultiDevice StatsAgg ThreadPool
    Checkpoints Unstage MapClear MapIncompleteSize MapPeek MapSize MapUnstage
    ReadFile WriteFile MatchingFiles ImmutableConst LoadAndRemapMatrix GenerateVocabRemapping
    FixedUnigramCandidateSampler Skipgram NegTrain RecordInput DecodeProtoV2 EncodeProto FileSystemSetConfiguration
    Abort Sleep DumpTensor InitializeTableFrom RemoteFused WorkerHeartbeat FakeQueue ImportEvent CompileOp CrossReplica
    AllToAll DeviceIndex Save Restore Print Batch Recv Send DistributedSave GetOptions Dummy Copy Delete Coordinat
    IsTensorFloat32Enabled StatelessRandomGetAlg Mlir Ifrt SyncDevice CalibrationStatistics ConvertToCoo
    ConvertToListOf SortListOf Unbatch TestAttr GlobalIterId
""".split()
"""Parts of the names of operations that are refused: with files, devices, threads, other machines or code in them."""


def test_every_operation_of_this_tensorflow_is_sorted():
    """What a new TensorFlow brings is refused until somebody has looked at it: put it into the file or among these."""
    known = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    new = [name for name in sorted(known - pure_operations()) if not any(part in name for part in REFUSED)]
    assert not new


def test_operations_with_effects_are_not_among_the_pure():
    stateful = ("WriteFile", "ReadFile", "EagerPyFunc", "PyFuncStateless", "SaveV2", "RestoreV2", "TFRecordDataset")
    assert not pure_operations() & {*stateful, "XlaCallModule", "RemoteCall", "ImmutableConst", "DebugIdentity"}
    assert {"MatMul", "VarHandleOp", "HashTableV2", "While", "StatefulPartitionedCall"} <= pure_operations()
