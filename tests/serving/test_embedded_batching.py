"""Requests that come together: joined where they may be, and answered as alone."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from embedded import embedded, wait_until

from kzoo.export.inference.runner import Runner
from kzoo.serving.embedded.batching import BatchingRunner
from kzoo.serving.embedded.limits import Limits
from kzoo.serving.embedded.loading import load_version


class Noting:
    """A version that notes how many rows it was asked at a time."""

    def __init__(self, runner):
        self.runner, self.sizes = runner, []

    def __getattr__(self, name):
        return getattr(self.runner, name)

    def run(self, signature, inputs):
        self.sizes.append(len(next(iter(inputs.values()))))
        return self.runner.run(signature, inputs)


@pytest.fixture(scope="module")
def runner(published):
    with Runner(published / "2") as runner:
        yield runner


def together(batching, requests):
    """Run requests in threads that begin at the same time; answers or errors in their order."""
    barrier = threading.Barrier(len(requests))

    def ask(signature, inputs):
        barrier.wait()
        try:
            return batching.run(signature, inputs)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(lambda each: ask(*each), requests))


def test_together_as_alone(runner, rows):
    noting = Noting(runner)
    parts = [rows[:1], rows[1:4], rows[4:5], rows[5:12]]
    answers = together(
        BatchingRunner(noting, wait_seconds=5, most_rows=12), [("numeric", {"inputs": x}) for x in parts]
    )
    assert noting.sizes == [12]
    for part, answer in zip(parts, answers, strict=True):
        alone = runner.run("numeric", {"inputs": part})
        assert answer["probabilities"].shape == alone["probabilities"].shape
        np.testing.assert_allclose(answer["probabilities"], alone["probabilities"], rtol=1e-5)


def test_what_cannot_be_joined_runs_beside(runner, rows):
    noting = Noting(runner)
    batching = BatchingRunner(noting, wait_seconds=0.2)
    requests = [
        ("numeric", {"inputs": rows[:2]}),
        ("serving_default", {"inputs": rows[:3]}),
        ("numeric", {"inputs": rows[:4].astype("float64")}),
        ("numeric", {"inputs": rows[:5, :2]}),
        ("numeric", {"inputs": np.float32(1)}),
        ("numeric", {"inputs": np.repeat(rows, 2, axis=0)}),
        ("none", {"inputs": rows[:6]}),
    ]
    answers = together(batching, requests)
    assert [isinstance(each, Exception) for each in answers] == [False, False, False, True, True, False, True]
    assert isinstance(answers[3], tf.errors.OpError) and isinstance(answers[6], KeyError)
    assert set(answers[1]) > {"probabilities"} == set(answers[0])
    assert len(answers[5]["probabilities"]) == 80


def test_full_batches_do_not_wait(runner, rows):
    noting = Noting(runner)
    batching = BatchingRunner(noting, most_rows=4, wait_seconds=30)
    answers = together(batching, [("numeric", {"inputs": rows[:2]})] * 4 + [("numeric", {"inputs": rows[:4]})])
    assert sorted(noting.sizes) == [4, 4, 4]
    assert [len(each["probabilities"]) for each in answers] == [2, 2, 2, 2, 4]
    # One that does not fit starts the next batch, and the one before goes at once.
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(batching.run, "numeric", {"inputs": rows[:3]}) for _ in range(2)]
        wait_until(lambda: any(each.done() for each in waiting))
        batching.run("numeric", {"inputs": rows[:1]})
        assert [len(each.result(20)["probabilities"]) for each in waiting] == [3, 3]


def test_an_error_is_its_own(published, runner):
    """One text that is no example spoils no other's answer."""
    kept = json.loads((published / "2" / "assets.extra" / "kzoo" / "golden.json").read_text())
    (asked,) = [each["request"] for each in kept if each["request"]["signature_name"] == "classify"]
    good = tf.io.decode_base64(
        [each["b64"].replace("+", "-").replace("/", "_").rstrip("=") for each in asked["inputs"]["inputs"]]
    ).numpy()
    noting = Noting(runner)
    batching = BatchingRunner(noting, wait_seconds=5, most_rows=len(good) + 1)
    answers = together(
        batching, [("classify", {"inputs": good}), ("classify", {"inputs": np.array([b"\xff\xff"], object)})]
    )
    assert set(answers[0]) == {"classes", "scores"} and isinstance(answers[1], UnicodeDecodeError)
    assert noting.sizes[0] == len(good) + 1 and len(noting.sizes) == 3


def test_outputs_without_a_batch(runner, rows):
    """Models whose outputs have not as many rows as their inputs are answered one by one (tensorflow/serving 2043)."""

    class Counting(Noting):
        def run(self, signature, inputs):
            return super().run(signature, inputs) | {"count": np.float32(len(inputs["inputs"]))}

    noting = Counting(runner)
    requests = [("numeric", {"inputs": rows[:1]}), ("numeric", {"inputs": rows[:2]})]
    answers = together(BatchingRunner(noting, most_rows=3, wait_seconds=5), requests)
    assert [each["count"] for each in answers] == [1, 2] and sorted(noting.sizes) == [1, 2, 3]


def test_over_rest(published, rows, expected):
    noted = []

    def load(path):
        noted.append(Noting(load_version(path)))
        return BatchingRunner(noted[-1], wait_seconds=0.3)

    # The threads are fewer than the rows of a batch, so that it is the wait that ends it.
    with embedded(published, Limits(threads=8), load) as server, ThreadPoolExecutor(8) as threads:
        noted[-1].sizes.clear()

        def ask(number):
            body = {"signature_name": "numeric", "instances": rows[number : number + 1].tolist()}
            return server.json("POST", "/v1/models/iris:predict", body)

        answers = list(threads.map(ask, range(8)))
        assert [status for status, _ in answers] == [200] * 8
        found = np.concatenate([answer["predictions"] for _, answer in answers])
        np.testing.assert_allclose(found, expected[:8], rtol=1e-4)
        assert sum(noted[-1].sizes) == 8 and max(noted[-1].sizes) > 1
