"""The process that has exported, and what it makes of how the process that checks ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kzoo.export.errors import AnswersDifferError, ExportError
from kzoo.export.gate import gate
from kzoo.export.gate.gate import DIFFERS, Expectation, Gate

OUTPUTS = {"z": np.array([[1.5]], "float32"), "a": np.array([b"word"], object)}
EXPECTATION = Expectation(("numeric",), {"x": np.ones((1, 2), "float32"), "b": np.ones(1, "int64")}, OUTPUTS, 0.25)


def test_an_expectation_is_read_as_it_was_written(tmp_path):
    whole = Expectation(("s", "t"), EXPECTATION.inputs, OUTPUTS, 0.25, ("ánt", "bee"), ("f",), ("onnx",))
    for expectation in (EXPECTATION, whole):
        expectation.write(tmp_path)
        found = Expectation.read(tmp_path)
        for part in ("inputs", "outputs"):
            one, other = getattr(found, part), getattr(expectation, part)
            assert list(one) == list(other), "in their order"
            for name in other:
                np.testing.assert_array_equal(one[name], other[name])
                assert one[name].dtype == other[name].dtype
        rest = ("signatures", "tolerance", "class_names", "feature_names", "formats")
        assert [getattr(found, name) for name in rest] == [getattr(expectation, name) for name in rest]


@pytest.fixture
def checked_by(monkeypatch, tmp_path):
    """Runs the gate with a program in the place of the process that checks; its scratch directory is `scratch`."""

    def check(program):
        scratches = []

        def start(directory, scratch, environment):
            scratches.append(scratch)
            code = f"import json, sys, pathlib; scratch = pathlib.Path({str(scratch)!r})\n{program}"
            pipe = subprocess.PIPE
            return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True)

        monkeypatch.setattr(gate, "start_process", start)
        try:
            with Gate(tmp_path) as running:
                return running.check(EXPECTATION)
        finally:
            assert not scratches[0].exists() and scratches[0].name.startswith("kzoo-gate-")

    return check


VERDICT = "(scratch / 'verdict.json').write_text(json.dumps({{'problems': {}, 'signatures': []}}))"


def test_what_is_good_is_asked_for_by_a_word_and_read(checked_by):
    told = "assert sys.stdin.readline() == 'go\\n' and (scratch / 'expectation.json').exists()\n"
    assert checked_by(told + VERDICT.format([])) == ()


@pytest.mark.parametrize(
    ("problems", "kind"),
    [(["It lacks x.", f"y {DIFFERS} by 1."], AnswersDifferError), (["It lacks x.", "It lacks y."], ExportError)],
)
def test_problems_are_said_and_those_of_answers_are_of_their_own_kind(checked_by, problems, kind):
    with pytest.raises(ExportError) as caught:
        checked_by(VERDICT.format(problems))
    assert caught.type is kind
    assert str(caught.value) == f"The export would not serve, so it is not published: {' '.join(problems)}"


def test_the_end_of_what_a_process_said_before_it_failed_is_told(checked_by):
    with pytest.raises(ExportError) as caught:
        checked_by("sys.stderr.write('\\n'.join(f'line {n}' for n in range(9)) + '\\n\\n'); sys.exit(3)")
    lines = "\n".join(f"line {number}" for number in range(4, 9))
    assert str(caught.value) == f"The process that checks the export ended with status 3:\n{lines}"


def test_a_process_that_does_not_end_is_ended(checked_by, monkeypatch):
    monkeypatch.setattr(gate, "_TIMEOUT", 0.05)
    with pytest.raises(ExportError, match=r"^The staged export did not answer within 0 s\.$"):
        checked_by("import time; time.sleep(5)")


@pytest.mark.parametrize("others", [["elsewhere"], []])
def test_the_process_has_this_package_also_where_it_is_not_installed(monkeypatch, tmp_path, others):
    started = []

    def start(*given):
        started.append(given)
        return subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)

    monkeypatch.setattr(gate, "start_process", start)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(others))
    monkeypatch.setenv("KEPT", "yes")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with Gate(Path("export")):
        pass
    ((directory, _, environment),) = started
    assert directory == tmp_path / "export"
    first, *rest = environment["PYTHONPATH"].split(os.pathsep)
    assert Path(first, *gate.__name__.split(".")).with_suffix(".py").samefile(gate.__file__) and rest == others
    assert (environment["KEPT"], environment["TF_CPP_MIN_LOG_LEVEL"]) == ("yes", "3")


ECHO = """#!{}
import json, os, sys
print("not for the parent")
json.dump([sys.argv[1:], dict(os.environ), sys.stdin.read()], sys.stderr)
"""


def test_the_process_is_started_away_from_modules_of_the_working_directory(monkeypatch, tmp_path, capfd):
    python = tmp_path / "python"
    python.write_text(ECHO.format(sys.executable))
    python.chmod(0o755)
    monkeypatch.setattr(gate, "subprocess", subprocess)
    monkeypatch.setattr(sys, "executable", str(python))
    process = gate.start_process(tmp_path / "export", tmp_path / "scratch", {"KEPT": "yes"})
    said, remarks = process.communicate("go\n")
    command, environment, word = json.loads(remarks)
    options, module, *given = command[:2], *command[2:]
    assert (options, module) == (["-P", "-m"], "kzoo.export.gate.process") and word == "go\n"
    assert given == [str(tmp_path / "export"), str(tmp_path / "scratch")]
    assert environment["KEPT"] == "yes" and "HOME" not in environment
    assert said is None and "not for" not in capfd.readouterr().out
