"""What the gate says of exports that have one fault each; they answer as a function does."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kzoo.export.errors import ExportError
from kzoo.export.gate import checks
from kzoo.export.gate.checks import problems_of, warmup_problems, weight_problems
from kzoo.export.gate.gate import BATCH_SIZES, ROWS, Expectation, first_rows
from kzoo.export.inference.runner import Signature, Tensor
from kzoo.export.warmup import write_warmup

X = np.random.default_rng(0).normal(size=(ROWS, 2)).astype("float32")
NAMES = ("ant", "bee", "cat")
PROBABILITIES = np.array([[0.0, 0.0, 1.0], [0.5, 0.25, 0.25], [0.125, 0.75, 0.125]], "float32")[np.arange(ROWS) % 3]


class Export:
    """An export whose signatures answer as functions do.

    Args:
        answers: For each signature, what it answers to the numbers of the rows that it is given.
        outputs: Dtype and shape of its outputs, where they are unusual.
        features: Features of a tf.Example.
    """

    def __init__(self, directory, answers, outputs=(tf.float32, (None, 3)), features=("a", "b")):
        self.directory, self.answers, self.features, self.asked = Path(directory), answers, features, []
        self.graph = tf.Graph().as_graph_def()
        given = Tensor("inputs", "inputs:0", tf.float32, None)
        answer = {"outputs": Tensor("outputs", "outputs:0", *outputs)}
        self.signatures = {name: Signature(name, "predict", {"inputs": given}, answer) for name in answers}

    def run(self, signature, inputs):
        rows = inputs["inputs"]
        assert (rows.dtype == object) == (signature in ("classify", "regress"))
        if rows.dtype == object:
            examples = [tf.train.Example.FromString(row).features.feature for row in rows]
            rows = np.array(
                [[each for name in self.features for each in one[name].float_list.value] for one in examples]
            )
        numbers = np.array([np.flatnonzero((X == row.astype("float32")).all(axis=1))[0] for row in rows], int)
        self.asked.append((signature, numbers.tolist()))
        # The warm-up requests of the fixture are of one signature.
        return self.answers.get(signature, right)(numbers)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Of an export with its weights and requests, and without a model."""
    directory = tmp_path_factory.mktemp("export")
    (directory / "variables").mkdir()
    weights = tf.train.Checkpoint(a=tf.Variable([[1.0, 2.0]]), n=tf.Variable([3]))
    weights.write(str(directory / "variables" / "variables"))
    write_warmup(directory, "m", ["numeric"], {"inputs": X}, ())
    return directory


def expecting(*signatures, outputs=None, tolerance=1e-3, **options):
    outputs = {"outputs": PROBABILITIES} if outputs is None else outputs
    return Expectation(signatures, {"inputs": X}, outputs, tolerance, **options)


def right(numbers):
    return {"outputs": PROBABILITIES[numbers]}


def labelled(numbers):
    probabilities = PROBABILITIES[numbers]
    label = np.array([NAMES[place].encode() for place in probabilities.argmax(axis=-1)], object)
    return {"probabilities": probabilities, "label": label}


def scored(numbers):
    names = np.array([name.encode() for name in NAMES], object)
    return {"scores": PROBABILITIES[numbers], "classes": np.tile(names, (len(numbers), 1))}


def test_an_export_that_answers_as_its_model_is_asked_in_every_way(directory):
    export = Export(directory, {"serving_default": right, "regress": right})
    assert problems_of(export, expecting("serving_default", "regress", feature_names=("a", "b"))) == []
    for name in export.signatures:
        asked = [numbers for signature, numbers in export.asked if signature == name]
        assert {len(numbers) for numbers in asked} >= set(BATCH_SIZES)
        assert (list(range(ROWS))[::-1] in asked) == (name == "serving_default"), "in another order"
    answers = {"serving_default": labelled, "numeric": labelled, "classify": scored}
    export = Export(directory, answers, features=["inputs"])
    expected = expecting(*export.signatures, outputs={"probabilities": PROBABILITIES}, class_names=NAMES)
    assert problems_of(export, expected) == [], "examples with a name for each input"


def off_by(amount):
    return lambda numbers: {"outputs": PROBABILITIES[numbers] + np.float32(amount)}


def only_in(size, wrong):
    """Wrong in batches of one size."""
    return lambda numbers: (wrong if len(numbers) == size else right)(numbers)


def with_neighbours(numbers):
    """Adds what the first row of the batch is."""
    return {"outputs": PROBABILITIES[numbers] + np.float32(0.01) * (numbers[0] not in (0, 1))}


def backwards(numbers):
    return {"outputs": PROBABILITIES[numbers][:: -1 if numbers[0] == ROWS - 1 else 1]}


def refusing(error):
    def answer(numbers):
        raise error

    return answer


NAN = np.float32("nan")
FAULTS = {
    "Signature 'numeric', batch of 17: 'outputs' differs from the Keras model's by 0.1, more than 0.001.": off_by(0.1),
    "Signature 'numeric', batch of 17: 'outputs' has shape [17, 2], the Keras model's [17, 3].": lambda numbers: {
        "outputs": PROBABILITIES[numbers][:, :2]
    },
    "Signature 'numeric', batch of 17: 'outputs' is NaN or infinite.": off_by(NAN),
    "Signature 'numeric', batch of 3: 'outputs' differs": only_in(3, off_by(0.1)),
    "Signature 'numeric', batch of 1: 'outputs' differs": only_in(1, off_by(0.1)),
    "Signature 'numeric': 'outputs' of a row depends on its neighbours in the batch": with_neighbours,
    "Signature 'numeric': 'outputs' of a row depends on its neighbours in the batch, as in training mode.": backwards,
    "Signature 'numeric' fails: no kernel": refusing(tf.errors.UnimplementedError(None, None, "no kernel")),
    "Signature 'numeric' fails: odd": refusing(ValueError("odd")),
}


@pytest.mark.parametrize("problem", FAULTS)
def test_a_fault_of_the_answers_is_said(directory, problem):
    export = Export(directory, {"numeric": FAULTS[problem], "serving_default": off_by(0.5)})
    found = problems_of(export, expecting("numeric", "serving_default"))
    assert found[0].startswith(problem)
    assert all("'serving_default'" not in each for each in found), "what follows would only repeat it"
    assert sum("depends on how many others are in its batch" in each for each in found) == (
        "batch of 3:" in problem or "batch of 1:" in problem
    )


@pytest.mark.parametrize(("scale", "allowed"), [(0.5, 1.0), (1.0, 1.0), (8.0, 8.0)])
def test_answers_may_differ_by_a_share_of_the_largest_or_of_one(directory, scale, allowed):
    expected = expecting("numeric", outputs={"outputs": scale * PROBABILITIES}, tolerance=2.0**-6)
    for share, good in ((0.9, True), (1.1, False)):
        difference = np.float32(2.0**-6 * allowed * share)
        export = Export(directory, {"numeric": lambda n, off=difference: {"outputs": scale * PROBABILITIES[n] - off}})
        assert (problems_of(export, expected) == []) == good


def test_an_output_may_have_no_numbers_and_whole_ones_are_compared_exactly(directory):
    for outputs in (np.zeros((ROWS, 0), "float32"), np.full((ROWS, 2), 10**6)):
        expected = expecting("regress", outputs={"outputs": outputs}, feature_names=("a", "b"))
        assert problems_of(Export(directory, {"regress": lambda n, o=outputs: {"outputs": o[n]}}), expected) == []
    found = problems_of(Export(directory, {"regress": lambda n: {"outputs": outputs[n] + 1}}), expected)
    assert found[0] == "Signature 'regress', batch of 17: 'outputs' is not what the Keras model answers."


def test_an_answer_that_changes_each_time_is_said(directory):
    counted = iter(range(10**6))
    export = Export(directory, {"regress": lambda numbers: off_by(1e-5 * next(counted))(numbers)})
    (problem,) = problems_of(export, expecting("regress", feature_names=("a", "b")))
    assert problem == (
        "Signature 'regress' answers the same batch differently each time: 'outputs'. "
        "Call the layer with training=False when not training."
    )


def test_text_is_compared_as_it_is_and_numbers_alone_are_numeric(directory):
    words = np.array([b"a", b"b", b"c"], object)[np.arange(ROWS) % 3]
    outputs = {"outputs": PROBABILITIES, "words": words}
    export = Export(
        directory, {"numeric": right, "serving_default": lambda numbers: right(numbers) | {"words": words[numbers]}}
    )
    assert problems_of(export, expecting("numeric", "serving_default", outputs=outputs)) == []
    export.answers["serving_default"] = lambda numbers: right(numbers) | {"words": words[::-1][numbers]}
    found = problems_of(export, expecting("numeric", "serving_default", outputs=outputs))
    assert found[0] == "Signature 'serving_default', batch of 17: 'words' is not what the Keras model answers."


@pytest.mark.parametrize(
    ("signature", "answer", "problem"),
    [
        ("classify", lambda n: scored(n) | {"classes": scored(n)["classes"][:, ::-1]}, "The classes of the export are"),
        (
            "serving_default",
            lambda n: labelled(n) | {"label": labelled(n)["label"][[0] * len(n)]},
            "The label of the export is not that of the largest probability.",
        ),
        ("classify", lambda n: scored(n) | {"scores": PROBABILITIES[n] / 2}, "Signature 'classify', batch of 17: 'sco"),
    ],
)
def test_names_of_classes_that_are_not_those_given_are_said(directory, signature, answer, problem):
    expected = expecting(
        signature, outputs={"probabilities": PROBABILITIES}, class_names=NAMES, feature_names=("a", "b")
    )
    found = problems_of(Export(directory, {signature: answer}), expected)
    assert found[0].startswith(problem)


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ((tf.float32, (17, 3)), "'outputs' of shape [17, 3]: the first dimension must be the batch, of any size."),
        ((tf.float32, ()), "'outputs' of shape []: the first dimension must be the batch"),
        ((tf.complex64, (None, 3)), "'outputs' of dtype complex64, for which the server's JSON has no form; it has fl"),
    ],
)
def test_a_signature_that_the_server_cannot_serve_is_said(directory, outputs, problem):
    export = Export(directory, {"numeric": off_by(1.0)}, outputs)
    (found,) = problems_of(export, expecting("numeric"))
    assert found.startswith(f"Signature 'numeric' has {problem}")


def test_a_signature_of_any_shape_is_good_and_one_that_lacks_is_said(directory):
    assert problems_of(Export(directory, {"numeric": right}, (tf.float32, None)), expecting("numeric")) == []
    found = problems_of(Export(directory, {"numeric": right}), expecting("numeric", "regress", "classify"))
    assert found == ["It lacks the signatures ['classify', 'regress']."]


def test_weights_that_are_not_finite_are_said_with_their_shape(tmp_path):
    export = Export(tmp_path, {"numeric": off_by(1.0)})
    variables = {
        "good": tf.Variable([1.0]),
        "nan": tf.Variable([[1.0, float("nan")]]),
        "inf": tf.Variable([float("inf")] * 3, dtype="bfloat16"),
        "n": tf.Variable([3]),
    }
    tf.train.Checkpoint(**variables).write(str(tmp_path / "variables" / "variables"))
    message = "A weight of shape {} holds NaN or infinity, which the server would answer with; train the model again."
    assert sorted(weight_problems(export)) == [message.format([1, 2]), message.format([3])]
    assert problems_of(export, expecting("numeric")) == list(weight_problems(export)), "its answers are not looked at"


def test_a_warm_up_request_that_fails_is_said(directory, monkeypatch):
    message = "A warm-up request fails, which would keep the server from loading the export: "
    export = Export(directory, {"numeric": right})
    assert list(warmup_problems(export)) == []
    assert {len(numbers) for _, numbers in export.asked} > {1, 2}
    export.answers["numeric"] = refusing(KeyError("inputs"))
    assert list(warmup_problems(export)) == [f"{message}'inputs'"]
    export.answers = {"numeric": right}
    monkeypatch.setattr(checks, "read_warmup", refusing(ExportError("it is no request")))
    assert problems_of(export, expecting("numeric")) == [f"{message}it is no request"]


def test_rows_for_the_gate_begin_again_where_there_are_few():
    found = first_rows({"a": np.arange(5), "b": np.arange(40)})
    assert found["a"].tolist() == [*range(5), *range(5), *range(5), 0, 1] and found["b"].tolist() == list(range(17))
