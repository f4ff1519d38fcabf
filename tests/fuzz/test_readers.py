"""Every reader of a file or a body takes whatever stands in it: it answers, or says in one line what is wrong."""

import json
import os
import shutil
import sys
import warnings
import zlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hostile import changed_bytes, changed_trees, files, long, one_line, texts, tried
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "export"))
from echo_export import write_echo_export

import kzoo
from kzoo.cli import summary
from kzoo.cli.console import Failure, describe
from kzoo.cli.run import FILE, Run
from kzoo.export import ExportError, Runner, export_model
from kzoo.export.golden import golden_problems
from kzoo.export.inference.rest_api import METHODS, respond
from kzoo.export.inference.saved_model_file import read_serving_graph
from kzoo.export.inference.trust import refuse_untrusted
from kzoo.export.layout import CARD, GOLDEN, MANIFEST, WARMUP
from kzoo.export.manifest import damage
from kzoo.export.warmup import read_warmup
from kzoo.files import parse_json
from kzoo.serving import releases
from kzoo.serving.configuration import has_open_dimensions
from kzoo.serving.errors import ServingError
from tuners.parallel.messages import MessageError, decode
from tuners.store.checkpoints import CheckpointError, checkpoint_path, load_weights, save_weights
from tuners.store.journal import FILE as JOURNAL
from tuners.store.journal import read_journal

pytestmark = long
WRITTEN_BEFORE = Path(__file__).parents[1] / "written_before"


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    with Runner(write_echo_export(tmp_path_factory.mktemp("echo") / "1")) as runner:
        yield runner


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A version of an export, to be spoilt."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    rows = np.ones((4, 3), "float32")
    return export_model(model, tmp_path_factory.mktemp("exports") / "pair", examples=rows)


@pytest.fixture
def spoilt(exported):
    """Changes a file of the export; what it was is put back."""
    kept = {path: path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    yield exported
    for path, content in kept.items():
        path.write_bytes(content)


@pytest.mark.parametrize("method", METHODS)
def test_request_bodies(echo, method):
    bodies = [
        {"signature_name": "float", "instances": [[1.0, 2.0], [3.0, 4.0]]},
        {"signature_name": "pair", "instances": [{"a": 1.5, "b": 2}, {"a": 1.5, "b": 2}]},
        {"signature_name": "text", "inputs": {"x": ["a", {"b64": "YQ=="}]}},
        {"signature_name": "uint8", "inputs": [[1, 255], [0, 3]]},
        {"signature_name": "classify", "context": {"w": [1]}, "examples": [{"v": 1.0, "u": "a"}, {"v": 2.0}]},
        {"signature_name": "regress", "examples": [{"v": 1.0}, {"v": [2.0], "w": True}]},
    ]

    def check(body):
        response = respond(echo, method, body)
        assert response.status in (200, 400, 501)
        answer = json.loads(response.body.decode(errors="replace"))
        if response.status != 200:
            one_line(answer["error"])

    tried(st.one_of([files(body) for body in bodies]), check)


def test_manifests(spoilt):
    path = spoilt / MANIFEST

    def check(content):
        path.write_bytes(content)
        for problem in damage(spoilt):
            one_line(describe(ValueError(problem)))

    tried(files(json.loads(path.read_text())), check)


def test_golden_answers(spoilt):
    path = spoilt / GOLDEN
    with Runner(spoilt) as runner:

        def check(content):
            path.write_bytes(content)
            try:
                problems = list(golden_problems(runner))
            except ExportError as error:
                problems = [str(error)]
            for problem in problems:
                one_line(describe(ValueError(problem)))

        tried(files(json.loads(path.read_text())), check)


def test_graphs(spoilt):
    """Read, not loaded: TensorFlow's own importer is not ours to try."""
    path = spoilt / "saved_model.pb"

    def check(content):
        path.write_bytes(content)
        try:
            refuse_untrusted(spoilt, read_serving_graph(spoilt))
        except ExportError as error:
            one_line(describe(error))

    tried(changed_bytes(path.read_bytes()), check)


def test_warm_up_requests(spoilt):
    path = spoilt / WARMUP
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())

    def check(record):
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(record)
        try:
            list(read_warmup(spoilt))
        except (ExportError, tf.errors.OpError) as error:
            one_line(describe(ExportError(getattr(error, "message", error))))

    tried(st.sampled_from(records[:4]).flatmap(changed_bytes), check)


def test_descriptions_of_runs(tmp_path):
    original = json.loads((WRITTEN_BEFORE / "run_0_1" / FILE).read_text())

    def check(content):
        (tmp_path / FILE).write_bytes(content)
        try:
            run = Run.read(tmp_path)
        except Failure as error:
            one_line(error)
        else:
            assert run.differences(run) == []

    tried(files(original), check)


def test_labels(tmp_path):
    path = tmp_path / releases.DIRECTORY / releases.FILE
    path.parent.mkdir()

    def check(content):
        path.write_bytes(content)
        try:
            releases.read_release(tmp_path)
        except ServingError as error:
            one_line(describe(error))

    tried(files({"labels": {"stable": 3, "canary": 4}, "served": [3, 4]}), check)


def test_cards(spoilt):
    path = spoilt / CARD

    def check(content):
        path.write_bytes(content)
        assert has_open_dimensions(spoilt.parent) in (True, False)

    tried(files(json.loads(path.read_text())), check)


def test_journals(tmp_path):
    source = WRITTEN_BEFORE / "run_0_1"
    (tmp_path / FILE).write_bytes((source / FILE).read_bytes())
    records = read_journal(source)

    def check(records_or_bytes):
        content = records_or_bytes
        if not isinstance(content, bytes):
            lines = [texts(record) for record in content] if isinstance(content, list) else [texts(content)]
            content = b"".join(b"%08x %s\n" % (zlib.crc32(line), line) for line in lines)
        (tmp_path / JOURNAL).write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                study = summary.load(tmp_path)
            except Failure as error:
                one_line(error)
            else:
                summary.record(tmp_path, study)

    few = [*records[:2], *[record for record in records if record["kind"] == "ended"][:2]]
    tried(st.one_of(changed_trees(few), changed_bytes((source / JOURNAL).read_bytes())), check)


def test_kept_weights(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    save_weights(tmp_path, "0", model.get_weights())
    path = checkpoint_path(tmp_path, "0")
    original = path.read_bytes()

    def check(content):
        path.write_bytes(content)
        try:
            load_weights(tmp_path, "0", model)
        except CheckpointError as error:
            one_line(describe(error))

    tried(changed_bytes(original), check)


def test_messages_of_workers():
    def check(content):
        try:
            decode(content)
        except MessageError as error:
            one_line(error)

    tried(files({"kind": "ready", "pid": 7}), check)


def test_any_json():
    def check(content):
        try:
            parse_json(content)
        except ValueError as error:
            one_line(error)

    tried(files({"a": [1, {"b": "c"}]}), check)


def big(path):
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"[" * 2**20)


STRANGE = {
    "a directory": lambda path: path.mkdir(),
    "100 MB of brackets": big,
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files, and links are for administrators")
@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_such_file(kind, exported, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "exports" / "1")
    run = tmp_path / "run"
    run.mkdir()
    (copy.parent / ".kzoo").mkdir(exist_ok=True)

    def golden():
        with Runner(exported) as runner:
            runner.directory = copy
            list(golden_problems(runner))

    for path, read in {
        copy / GOLDEN: golden,
        copy / MANIFEST: lambda: [_raise(kzoo.check(copy)[copy])],
        copy / "saved_model.pb": lambda: kzoo.predict(copy, {"inputs": [[1, 2, 3]]}),
        run / FILE: lambda: Run.read(run),
        run / JOURNAL: lambda: summary.load(run),
    }.items():
        if path.exists():
            path.unlink()
        STRANGE[kind](path)
        with pytest.raises((ExportError, Failure, OSError)) as caught, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
            raise Failure("read as if there were nothing in it")  # a journal without a record
        one_line(describe(caught.value))
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if path.parent != run:
            shutil.copy(exported / path.relative_to(copy), path)


def _raise(problems):
    raise ExportError(" ".join(problems))
