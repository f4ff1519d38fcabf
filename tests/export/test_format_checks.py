"""What is said of other formats of an export, whose runtimes here are functions."""

from pathlib import Path

import numpy as np
import pytest

from kzoo.export.formats.runtimes import KNOWN, Format
from kzoo.export.gate.format_checks import format_problems
from kzoo.export.gate.gate import BATCH_SIZES, Expectation

X = np.arange(34, dtype="float32").reshape(17, 2)
Y = np.linspace(0, 1, 17, dtype="float32")[:, None]
Z = np.arange(17, dtype="int64")
EXACT = "Leave this format out."


@pytest.fixture
def problems(monkeypatch, tmp_path):
    """What is said of a format that answers by a function of the rows' numbers."""

    def of(answer, *, outputs=None, names=("plain",), **options):
        sizes = []

        def opened(path):
            assert path == tmp_path / "plain.bin"

            def run(inputs):
                numbers = (inputs["x"][:, 0] / 2).astype(int)
                sizes.append(len(numbers))
                return answer(numbers)

            return run

        monkeypatch.setitem(KNOWN, "plain", Format("plain", Path("plain.bin"), (), opened))
        outputs = {"y": Y, "z": Z} if outputs is None else outputs
        expectation = Expectation((), {"x": X}, outputs, formats=names, **{"tolerance": 1e-6, **options})
        found = list(format_problems(tmp_path, expectation))
        if names and not found:
            assert sizes == list(BATCH_SIZES)
        return found

    return of


def right(numbers):
    return [Y[numbers], Z[numbers]]


def test_a_format_that_answers_as_the_model_is_good(problems):
    assert problems(right) == []
    assert problems(lambda numbers: 1 / 0, names=()) == []
    # A runtime may have other widths of its own.
    assert problems(lambda numbers: [Y[numbers].astype("float64").tolist(), Z[numbers].astype("int32")]) == []


@pytest.mark.parametrize(("tolerance", "allowed"), [(1e-6, 1e-4), (1e-2, 1e-2)])
def test_a_format_may_differ_by_what_another_processor_may(problems, tolerance, allowed):
    for share, good in ((0.9, True), (1.1, False)):
        off = np.float32(share * allowed)
        found = problems(lambda n, off=off: [Y[n] - off * (len(n) == 3), Z[n]], tolerance=tolerance)
        amount = f"by {share * allowed:.2g}, more than {allowed:.2g}"
        assert found == ([] if good else [f"The plain file answers otherwise than the model, {amount}. {EXACT}"])


@pytest.mark.parametrize(
    "answer",
    [lambda n: [Y[n][:, 0], Z[n]], lambda n: [Y[n] * np.float32("nan"), Z[n]], lambda n: [Y[n], Z[n] + 1]],
)
def test_a_format_that_answers_in_another_form_is_said(problems, answer):
    assert problems(answer) == [f"The plain file answers otherwise than the model, in shape, or by NaN. {EXACT}"]


def test_a_format_that_does_not_run_is_said_and_the_next_is_looked_at(problems):
    said = f"The plain file does not run in its own runtime: division by zero. {EXACT}"
    assert problems(lambda numbers: 1 / 0) == [said]
    assert problems(lambda numbers: 1 / 0, names=("plain", "plain")) == [said, said]
    assert "does not run" in problems(lambda numbers: right(numbers)[:1])[0]
    many = problems(lambda numbers: [Y[numbers] + 1, Z[numbers]], names=("plain", "plain"))
    assert len(many) == 2


def test_a_format_of_two_classes_may_answer_for_the_second_alone(problems):
    both = {"probabilities": np.concatenate([1 - Y, Y], axis=1)}
    assert problems(lambda numbers: [Y[numbers]], outputs=both, class_names=("no", "yes")) == []
    assert problems(lambda numbers: [Y[numbers]], outputs=both)
