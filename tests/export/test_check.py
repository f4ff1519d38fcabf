import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

import kzoo
from kzoo.export import ExportError
from kzoo.export.checksums import write_checksums
from kzoo.export.golden import BATCH_SIZES, read_golden, write_golden
from kzoo.export.prediction_log import read_logs, write_logs
from kzoo.export.warmup import warmup_file

WEIGHTS = "variables/variables.data-00000-of-00001"


@pytest.fixture
def copy(exported, tmp_path):
    """A version that was copied elsewhere, to be damaged."""
    return shutil.copytree(exported, tmp_path / "elsewhere" / "7")


def problems(version):
    (checked,) = kzoo.check_export(version)
    assert checked.directory == version
    return checked.problems


def flip_a_bit(file, position):
    content = bytearray(file.read_bytes())
    content[position] ^= 4
    file.write_bytes(bytes(content))


def test_a_copied_version_is_whole(copy):
    assert problems(copy) == ()


def test_every_version_is_checked(copy):
    shutil.copytree(copy, copy.parent / "10")
    (copy.parent / "10" / "fingerprint.pb").unlink()
    seventh, tenth = kzoo.check_export(copy.parent)
    assert seventh.problems == ()
    assert tenth.problems == ("fingerprint.pb is missing.",)


@pytest.mark.parametrize("position", [0, 100, -1])
@pytest.mark.parametrize("name", [WEIGHTS, "variables/variables.index", "saved_model.pb", "fingerprint.pb"])
def test_a_flipped_bit_is_found(copy, name, position):
    flip_a_bit(copy / name, min(position, (copy / name).stat().st_size - 1))
    assert problems(copy) == (f"{name} is damaged: its checksum is not that of the export.",)


def test_truncated_weights_are_found(copy):
    content = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(content[:-1])
    assert problems(copy) == (f"{WEIGHTS} is damaged: its checksum is not that of the export.",)


def test_damaged_golden_answers_and_checksums_are_found(copy):
    golden = copy / "assets.extra/kzoo/golden.tfrecord"
    flip_a_bit(golden, 50)
    assert "golden.tfrecord is damaged" in problems(copy)[0]
    sums = copy / "assets.extra/kzoo/SHA256SUMS"
    sums.write_text(sums.read_text()[10:])
    assert "SHA256SUMS is damaged" in problems(copy)[0]
    sums.unlink()
    assert "SHA256SUMS is not there" in problems(copy)[0]


def test_a_file_of_another_export_is_found(copy):
    (copy / "assets").mkdir(exist_ok=True)
    (copy / "assets" / "words.txt").write_text("ant")
    (copy / ".nfs0001").write_text("of the file system")
    assert problems(copy) == ("assets/words.txt was not exported with it.",)


def renewed(version):
    """The checksums as somebody would write them who has changed the files on purpose."""
    write_checksums(version)
    return problems(version)


def test_other_answers_and_another_model_are_found_though_the_checksums_fit(copy):
    golden = read_golden(copy)
    other = {"probabilities": golden.outputs["probabilities"] + np.float32(1e-4)}
    write_golden(copy, dataclasses.replace(golden, outputs=other))
    assert "differs from the Keras model's by 0.0001, more than 1e-05" in renewed(copy)[0]
    write_golden(copy, dataclasses.replace(golden, fingerprint="1/2/3/4"))
    assert renewed(copy) == ("Its fingerprint is not that of the model that was exported.",)


def test_a_warm_up_request_that_fails_is_found(copy):
    logs = read_logs(warmup_file(copy))
    logs[0].predict_log.request.inputs["inputs"].tensor_shape.dim[1].size = 2
    logs[0].predict_log.request.inputs["inputs"].ClearField("tensor_content")
    logs[0].predict_log.request.inputs["inputs"].float_val.append(0)
    write_logs(warmup_file(copy), logs)
    assert "Warm-up request 0, to signature 'serving_default', fails" in renewed(copy)[0]


def test_golden_answers_are_those_of_the_model(exported, model, rows, task):
    golden = read_golden(exported)
    assert len(golden.inputs["inputs"]) == BATCH_SIZES[-1]
    np.testing.assert_array_equal(golden.inputs["inputs"], rows[: BATCH_SIZES[-1]])
    expected = model.predict(rows[: BATCH_SIZES[-1]], verbose=0)
    np.testing.assert_allclose(golden.outputs["probabilities"], expected, atol=1e-6)
    assert golden.class_names == task.class_names


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="there is no sha256sum here")
def test_checksums_are_those_of_sha256sum(exported):
    command = ["sha256sum", "--check", "--strict", "assets.extra/kzoo/SHA256SUMS"]
    assert subprocess.run(command, cwd=exported, capture_output=True, check=False).returncode == 0


def test_an_export_of_another_tool_cannot_be_checked(tmp_path, model):
    model.export(tmp_path / "1", verbose=False)
    (problem,) = problems(tmp_path / "1")
    assert "only exports that kzoo made" in problem


def test_no_export_at_all(tmp_path):
    with pytest.raises(ExportError, match="has no version"):
        kzoo.check_export(tmp_path)
