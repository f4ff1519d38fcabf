"""Bad calls, as people make them: told in one line, with exit code 1 or 2, and nothing is written or deleted."""

import gzip
import json
import os
import stat

import numpy as np
import pytest

from kzoo.cli.console import Failure

MLP = ("search", "mlp", "--data", "wine")
CSV = ("search", "mlp", "--data", "good.csv", "--target", "y")

CALLS = {
    # Names.
    "a command": (("serach",), 2, "Did you mean 'search'"),
    "an option": ((*MLP, "--trails", 3), 2, "No such option: --trails"),
    "no model": (("search",), 2, "Missing argument 'MODEL'"),
    "no data": (("search", "mlp"), 2, "Missing option '--data'"),
    "a model": (("search", "mlpp", "--data", "wine"), 2, "did you mean mlp"),
    "a model of models": (("models", "resnt"), 2, "did you mean resnet"),
    "a data set": (("search", "mlp", "--data", "wein"), 2, "did you mean wine"),
    "a file that is not there": (("search", "mlp", "--data", "none.csv"), 2, "none.csv: no such file"),
    "a target": (("search", "mlp", "--data", "good.csv", "--target", "z"), 2, "z"),
    "no target": (("search", "mlp", "--data", "good.csv"), 2, "--target"),
    "a hyperparameter to fix": ((*MLP, "--fix", "unit=3"), 2, "did you mean units"),
    "a hyperparameter to range": ((*MLP, "--range", "momentun=0.8:0.9"), 2, "did you mean momentum"),
    "an engine": ((*MLP, "--engine", "warp"), 2, "expected one of auto"),
    "an objective": ((*MLP, "--objective", "val_f7"), 2, "there are val_accuracy, val_loss"),
    "a column to drop": ((*CSV, "--drop", "zip"), 2, "zip"),
    "a kind": ((*CSV, "--column", "a=numeric"), 2, "no kind of a column"),
    "a run": (("report", "nowhere"), 1, "nowhere holds no search"),
    "a run to watch": (("report", "nowhere", "--live"), 1, "nowhere holds no search"),
    "a port without --live": (("report", "nowhere", "--port", 8600), 2, "it is for --live"),
    "a file of a live page": (("report", "nowhere", "--live", "--csv", "x"), 2, "leave out --csv"),
    "a port that is none": (("report", "nowhere", "--live", "--port", 70000), 2, "65535"),
    "a run to export": (("export", "nowhere", "--name", "x"), 1, "nowhere holds no search"),
    "a name with a slash": (("export", "RUN", "--name", "../x"), 2, "cannot be the name"),
    "an export to serve": (("serve", "nothing"), 1, "nothing"),
    "an export to check": (("check", "nothing"), 1, "nothing"),
    "an export to prune": (("prune", "nothing"), 1, "nothing"),
    "an export to promote": (("promote", "nothing", 1), 1, "nothing"),
    "an export to ask": (("predict", "nothing", "request.json"), 1, "nothing"),
    "a file of one's own": (("search", "./mine.py:build", "--data", "wine"), 2, "mine.py: no such file"),
    "an earlier search": ((*MLP, "--earlier", "nowhere"), 1, "nowhere holds no search"),
    "searches to learn from": ((*MLP, "--learn-from", "nowhere"), 2, "nowhere is no directory"),
    "a target that is dropped": ((*CSV, "--drop", "y"), 2, "drop: column 'y' is the target"),
    "nothing for data": (("search", "mlp", "--data", ""), 2, "is empty"),
    "no version to promote": (("promote", "x"), 2, "Missing argument 'VERSION'"),
    "an export of a run": (("serve", "RUN"), 1, "saved_models/RUN does not exist"),
    # Values.
    "shares of more than all": ((*CSV, "--test-share", 0.6, "--validation-share", 0.6), 2, "--test-share is 1.2"),
    "a target of a set": ((*MLP, "--target", "class"), 2, "--target is for tables"),
    "a size of a set": ((*MLP, "--image-size", "8x8"), 2, "--image-size is for folders"),
    "a scale of classes": ((*CSV, "--target-scale", "log"), 2, "--target-scale is for numbers"),
    "an objective of numbers": ((*MLP, "--objective", "val_r2"), 2, "'val_r2' is not recorded"),
    "balance of numbers": (("search", "mlp", "--data", "diabetes", "--balance"), 2, "the task is regression"),
    "rare numbers": (("search", "mlp", "--data", "diabetes", "--merge-rare", 4), 2, "--merge-rare is for classes"),
    "groups of a set": ((*MLP, "--group", "ash"), 2, "--group is for tables"),
    "folds of times": ((*CSV, "--time", "a", "--folds", 3), 2, "that --time keeps apart"),
    "no seconds for a trial": ((*MLP, "--trial-timeout", 0), 2, "'--trial-timeout'"),
    "no workers": ((*MLP, "--workers", 0), 2, "--workers: '0' is no number of processes"),
    "workers by a word": ((*MLP, "--workers", "all"), 2, "expected 1 or more, or auto"),
    "cores of no cluster": ((*MLP, "--trial-cpus", 4), 2, "is for --ray"),
    "no trials": ((*MLP, "--trials", 0), 2, "'--trials'"),
    "trials in words": ((*MLP, "--trials", "many"), 2, "'--trials'"),
    "half an epoch": ((*MLP, "--epochs", 0.5), 2, "'--epochs'"),
    "a time": ((*MLP, "--max-time", "soon"), 2, "expected seconds, or such as 45s, 30m, 2h"),
    "no time": ((*MLP, "--max-time", "0s"), 2, "is not a time"),
    "one fold": ((*MLP, "--folds", 1), 2, "'--folds'"),
    "folds and pruning": ((*MLP, "--folds", 3, "--prune"), 2, "leave --folds and --executions out"),
    "a priority": ((*MLP, "--priority", 9), 2, "'--priority'"),
    "a fix without a value": ((*MLP, "--fix", "units"), 2, "NAME=VALUE"),
    "a fix twice": ((*MLP, "--fix", "units=3", "--fix", "units=4"), 2, "given twice"),
    "words for a number": ((*MLP, "--fix", "units=many"), 2, "expected a whole number"),
    "all dropped": ((*MLP, "--fix", "dropout=1"), 2, "expected a number below 1"),
    "momentum of one": ((*MLP, "--fix", "momentum=1"), 2, "expected a number in [0, 1)"),
    "a choice that is none": ((*MLP, "--fix", "optimizer=adamw"), 2, "expected one of adam"),
    "a fix without effect": ((*MLP, "--fix", "optimizer=sgd", "--fix", "momentum=0.9"), 2, "has no effect"),
    "a fix and a range": ((*MLP, "--fix", "units=8", "--range", "units=8:9"), 2, "give one of the two"),
    "half a unit": ((*MLP, "--range", "units=0.5:3"), 2, "As in: --range units=16:512"),
    "a range the wrong way": ((*MLP, "--range", "units=64:8"), 2, "not 64 to 8"),
    "a range in words": ((*MLP, "--range", "units=a:b"), 2, "units needs whole numbers, not a"),
    "a range of three": ((*MLP, "--range", "units=1:2:3"), 2, "NAME=LOW:HIGH"),
    "a rate from nothing": ((*MLP, "--range", "learning_rate=0:1"), 2, "must be above 0"),
    "an optimizer among": ((*MLP, "--range", "optimizer=adam,adan"), 2, "has no 'adan'"),
    "a range of yes and no": ((*MLP, "--range", "nesterov=0:1"), 2, "--fix nesterov=yes"),
    "a size": ((*MLP, "--image-size", "8"), 2, "HEIGHTxWIDTH"),
    "a cluster": ((*MLP, "--ray", "somewhere"), 2, "expected HOST:PORT"),
    "a share of all": ((*CSV, "--test-share", 1), 2, "share"),
    "a model for images": (("search", "convnet", "--data", "wine"), 2, "takes images"),
    "a model for classes": (("search", "softmax_regression", "--data", "diabetes"), 2, "for classification only"),
    "a model for numbers": (("search", "linear_regression", "--data", "wine"), 2, "for regression only"),
    "seeds without refit": (("export", "RUN", "--name", "x", "--seeds", 3), 2, "add --refit"),
    "the smallest of several": (
        ("export", "RUN", "--name", "x", "--smallest-within", 1, "--top", 2),
        2,
        "leave --trial and --top out",
    ),
    "a format": (("export", "RUN", "--name", "x", "--format", "pickle"), 2, "pickle"),
    "a trial": (("export", "RUN", "--name", "x", "--trial", 99), 2, "No trial 99 has a result"),
    "trial none": (("export", "RUN", "--name", "x", "--trial", 0), 2, "No trial 0 has a result"),
    # Files.
    "a search that is a file": (("report", "good.csv"), 1, "good.csv is a file"),
    "a search to export that is a file": (("export", "good.csv", "--name", "x"), 1, "good.csv is a file"),
    "a folder of folders": (("search", "mlp", "--data", "."), 2, "no images in its folders"),
    "a run that is a file": ((*MLP, "--out", "good.csv"), 1, "good.csv is a file"),
    "a run in use for something else": ((*MLP, "--out", "thesis"), 1, "is not empty and holds no search"),
    "another search": ((*MLP, "--out", "RUN", "--seed", 9), 1, "seed 9 (there: 1)"),
    "a run under a file": ((*MLP, "--out", "good.csv/RUN"), 1, "good.csv"),
    "a name too long": ((*MLP, "--out", "x" * 300), 1, "File name too long"),
    "an empty table": (("search", "mlp", "--data", "empty.csv", "--target", "y"), 2, "empty.csv"),
    "a table with a header alone": (("search", "mlp", "--data", "header.csv", "--target", "y"), 2, "header.csv"),
    "a table of one row": (("search", "mlp", "--data", "one.csv", "--target", "y"), 2, "one.csv"),
    "one class alone": (("search", "mlp", "--data", "alone.csv", "--target", "y"), 2, "y"),
    "bytes for a table": (("search", "mlp", "--data", "bytes.csv", "--target", "y"), 2, "bytes.csv"),
    "half a gz": (("search", "mlp", "--data", "half.csv.gz", "--target", "y"), 2, "half.csv.gz"),
    "no npz": (("search", "mlp", "--data", "no.npz"), 2, "no.npz"),
    "an npz without y": (("search", "mlp", "--data", "x.npz"), 2, "x.npz"),
    "a folder without images": (("search", "mlp", "--data", "thesis"), 2, "thesis"),
    "a text for data": (("search", "mlp", "--data", "thesis/thesis.doc"), 2, "not a data set"),
    "a request that is half": (("predict", "nothing", "half.json"), 1, "line 1"),
    "a request that is not there": (("predict", "nothing", "none.json"), 1, "none.json: No such file"),
    "a request of brackets": (("predict", "nothing", "deep.json"), 1, "deep.json"),
    "a request in another encoding": (("predict", "nothing", "utf16.json"), 1, "utf16.json"),
    "answers for a request": (("predict", "nothing", "request.json", "--out", "x.csv"), 2, "is for tables"),
    "columns beside an answer": (("predict", "nothing", "request.json", "--with", "id"), 2, "--with: is for tables"),
    "right answers of a request": (("predict", "nothing", "request.json", "--truth", "y"), 2, "--truth: is for tables"),
    "answers over the rows": (("predict", "nothing", "good.csv", "--out", "good.csv"), 2, "name another"),
    "a run that is damaged": (("export", "damaged", "--name", "x"), 1, "kzoo.json"),
    "a run of a newer kzoo": (("export", "newer", "--name", "x"), 1, "newer kzoo"),
}


@pytest.fixture(scope="module")
def messy(tmp_path_factory, searched):
    """A directory as people have them: good files, bad ones, and what must not be touched."""
    directory = tmp_path_factory.mktemp("messy")
    rows = "".join(f"{number % 7},{number % 3},{'ab'[number % 2]}\n" for number in range(40))
    texts = {
        "good.csv": f"a,b,y\n{rows}",
        "empty.csv": "",
        "header.csv": "a,b,y\n",
        "one.csv": "a,b,y\n1,2,a\n",
        "alone.csv": "a,y\n" + "".join(f"{number},a\n" for number in range(40)),
        "half.json": '{"instances": [1, 2',
        "request.json": '{"instances": [[1, 2]]}',
        "deep.json": "[" * 100_000,
        "thesis/thesis.doc": "precious",
        "damaged/kzoo.json": "{",
        "newer/kzoo.json": json.dumps({"format": 99}),
    }
    for name, text in texts.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    (directory / "bytes.csv").write_bytes(bytes(range(256)) * 4)
    (directory / "utf16.json").write_bytes('{"instances": [[1]]}'.encode("utf-16")[:-1])
    (directory / "half.csv.gz").write_bytes(gzip.compress(texts["good.csv"].encode() * 50)[:-40])
    (directory / "no.npz").write_text("no npz")
    np.savez(directory / "x.npz", x=np.zeros((4, 2)))
    for name in ("damaged", "newer"):
        (directory / name / "journal.jsonl").write_bytes((searched.directory / "RUN" / "journal.jsonl").read_bytes())
    (directory / "RUN").symlink_to(searched.directory / "RUN")
    return directory


def contents(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "RUN" not in path.parts
    }


@pytest.mark.parametrize("name", CALLS)
def test_is_told_in_one_line(messy, kzoo, name):
    arguments, code, words = CALLS[name]
    before = contents(messy)
    kzoo.directory = messy
    result = kzoo(*arguments)
    told = f"Error: {result.exception}\n" if isinstance(result.exception, Failure) else result.stderr
    assert result.exit_code == code
    assert len(told.splitlines()) == 1 and told.startswith("Error: ") and len(told) < 500
    assert words in told
    assert "Traceback" not in told and "Errno" not in told and "object at 0x" not in told
    assert contents(messy) == before


def test_there_are_sixty():
    assert len(CALLS) >= 60


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions hold for this user nowhere")
def test_a_directory_that_may_not_be_written(kzoo):
    closed = kzoo.directory / "closed"
    closed.mkdir()
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
    result = kzoo(*MLP, "--out", "closed/RUN")
    assert (result.exit_code, str(result.exception)) == (1, "closed/RUN: Permission denied")
