import numpy as np
import pytest
from tensorflow_serving.apis import prediction_log_pb2

import kzoo
from kzoo.export import Runner, warmup
from kzoo.export.prediction_log import read_logs, request_log, request_of
from kzoo.export.warmup import ALLOWED_BATCH_SIZES, warmup_file, write_warmup


def test_every_signature_is_warmed_up_at_every_batch_size(exported, rows):
    logs = read_logs(warmup_file(exported))
    found = set()
    with Runner(exported) as runner:
        for log in logs:
            name, inputs = request_of(log)
            (batch,) = inputs.values()
            found.add((name, len(batch)))
            assert len(runner.run(name, inputs)[sorted(runner.signatures[name].outputs)[0]]) == len(batch)
            if name in ("serving_default", "numeric"):
                np.testing.assert_array_equal(batch, rows[: len(batch)])
        signatures = set(runner.signatures)
    assert found == {(name, size) for name in signatures for size in ALLOWED_BATCH_SIZES}
    assert len(logs) == len(found) <= 1000


def test_requests_are_of_the_kind_that_the_signature_is_asked_by(exported):
    kinds = {
        log.WhichOneof("log_type"): getattr(log, log.WhichOneof("log_type")).request.model_spec
        for log in read_logs(warmup_file(exported))
    }
    assert set(kinds) == {"predict_log", "classify_log"}
    assert {spec.name for spec in kinds.values()} == {"insects"}
    assert kinds["classify_log"].signature_name == "classify"


def test_few_rows_fill_a_large_batch(tmp_path):
    sizes = write_warmup(tmp_path, "few", ["serving_default"], {"inputs": np.arange(6.0).reshape(3, 2)})
    assert sizes == ALLOWED_BATCH_SIZES
    _, inputs = request_of(read_logs(warmup_file(tmp_path))[-1])
    np.testing.assert_array_equal(inputs["inputs"][:, 0], np.resize([0.0, 2.0, 4.0], 32))


def test_large_inputs_are_warmed_up_with_small_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(warmup, "_MAX_BYTES", 10_000)
    sizes = write_warmup(tmp_path, "large", ["serving_default"], {"inputs": np.zeros((3, 250), "float32")})
    assert sizes == (1, 2, 4)
    assert len(read_logs(warmup_file(tmp_path))) == 3


def test_text_and_several_inputs_survive_the_record():
    inputs = {"words": np.array([[b"ant\0"], [b"\xff"]], object), "sizes": np.array([[1], [2]], "int64")}
    name, read = request_of(request_log("model", "numeric", inputs))
    assert name == "numeric"
    for key, array in inputs.items():
        np.testing.assert_array_equal(read[key], array)
        assert read[key].dtype == array.dtype


def test_a_record_that_is_no_request():
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.model_spec.name = "model"
    with pytest.raises(kzoo.ExportError, match="session_run_log"):
        request_of(log)
