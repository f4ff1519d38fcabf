"""Real tables, as they come: whether they train and are served as they were trained, and how well.

The tables are CSV files in a directory, described by a `tables.csv` beside them or elsewhere: name, file, target, kind
and quality ("yes" for those that models are compared on). None comes with the repository.

"answers" trains the defaults of a family for an epoch, exports it, and asks the export with the rows of the file, with
every cell of some rows missing in turn, and with words that are in no row. The difference is from what the Keras model
answers to the rows that training would see.

"quality" compares on the same test rows: families with their defaults and models of scikit-learn with theirs; with
`--trials` the best of a search as well, trained again (`kzoo.retrain`), the mean of its best (`kzoo.ensemble`), and
HistGradientBoosting as tuned by as many random draws. The validation rows choose, and all but the mean have them to
train on at the end. The score is accuracy, or R2. What was measured is kept in `quality.json` beside the tables; remove
it to measure anew.

"text" compares families on tables of a text with a logistic regression over the tf-idf of all its words, which are the
same rows; accuracies on the test rows in the mean of the seeds.

"large" makes a table of 100,000 rows and 50 columns in the directory and reads it, then answers it and a million rows
with `kzoo predict`, each in a process of its own.

Run: python tests/benchmarks/tables.py DIR [--described tables.csv] [--quality] [--trials 0] [--epochs 25] [--seeds 1]
     python tests/benchmarks/tables.py DIR --text review --tables reviews [--trials 0] [--epochs 25] [--seeds 1]
     python tests/benchmarks/tables.py DIR --large
"""

from __future__ import annotations

import argparse
import csv
import datetime
import functools
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import sklearn.base
import sklearn.compose
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing

import kzoo

RESULTS = Path(__file__).with_suffix(".md")
ODD_ROWS = 20
UNSEEN = "a word of no row"
TOP = 5
"""Trials whose mean is measured."""
TREES = 300
"""Of a tuned HistGradientBoosting at most; by default there are 100."""


def answers(source: str, target: str) -> dict[str, object]:
    """How far the answers of an export are from those of its model."""
    from kzoo.export import Runner
    from kzoo.export.inference.table_rows import TableRunner
    from kzoo.tables.reading import read_rows, read_table

    began = time.process_time()
    data = kzoo.load_dataset(source, target=target)
    reading = time.process_time() - began
    table, encoding = read_table(source, target), data.task.table
    model = kzoo.create_model("mlp", data.task)
    model.fit(data.x_train, data.y_train, epochs=1, verbose=0)
    with tempfile.TemporaryDirectory() as directory:
        path = kzoo.export_model(model, Path(directory) / "table", task=data.task, examples=data.x_train[:64])
        with Runner(path) as runner:
            asked = TableRunner(runner)

            def difference(frame, expected) -> float:
                found = asked.answer(frame).drop(columns="label", errors="ignore").to_numpy(dtype=np.float64)
                return float(np.abs(found - expected).max() / np.abs(expected).max())

            (raw,) = read_rows(source, asked.columns, chunk_rows=10**9)
            raw = raw.iloc[np.asarray(table.rows) - 1]
            expected = model.predict(encoding.encode(table.frame), batch_size=4096, verbose=0)
            rows = difference(raw, expected)
            odd = 0.0
            for column in encoding.columns:
                for value in (None, UNSEEN) if column.is_text else (np.nan,):
                    changed = table.frame.head(ODD_ROWS).assign(**{column.name: value})
                    odd = max(odd, difference(changed, model.predict(encoding.encode(changed), verbose=0)))
    return {
        "rows": len(table.frame),
        "columns": len(encoding.columns),
        "numbers": len(encoding.features),
        "reading": reading,
        "apart": rows,
        "odd": odd,
    }


def quality(source: str, target: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Scores on the test rows by the name of the model, and the CPU seconds of each.

    What is in the file beside the tables is not measured again: all of them take hours, and may be ended.
    """
    from kzoo.zoo.refit import refit

    data = kzoo.load_dataset(source, target=target, seed=seed)
    classes = data.task.kind == "classification"
    kept = options.directory / "quality.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    key = f"{Path(source).stem}, seed {seed}, {options.epochs} epochs"
    scores: dict[str, float] = known.setdefault(key, {})
    asked: list[str] = []

    def scored(name: str, answers: Callable[[], np.ndarray]) -> None:
        seconds = f"{name}, CPU s"
        asked.extend([name, seconds])
        if name in scores:
            return
        began = time.process_time()
        answer = np.asarray(answers())
        scores[seconds] = time.process_time() - began
        truth = data.y_test.reshape(-1)
        if classes:
            scores[name] = float((answer.argmax(axis=1) == truth).mean())
        else:
            scores[name] = 1 - float(((answer.reshape(-1) - truth) ** 2).mean() / truth.var())
        kept.write_text(json.dumps(known, indent=1), encoding="utf-8")

    def defaults(family: str) -> np.ndarray:
        hypermodel = kzoo.create_hypermodel(family, data.task, epochs=options.epochs)
        model = refit(hypermodel, {}, data, epochs=options.epochs, seeds=(seed,))
        return model.predict(data.x_test, verbose=0)

    def searched_scores(family: str) -> None:
        name, best = f"{family}, {options.trials} trials", f"{family}, the best {TOP} of {options.trials} trials"
        # Both are of one search, whose seconds are the first one's.
        together: list[np.ndarray] = []

        def again() -> np.ndarray:
            answers, mean = searched_answers(data, family, seed, options)
            together.append(mean)
            return answers

        scored(name, again)
        scored(best, lambda: together.pop())

    for family in options.families:
        scored(f"{family}, defaults", functools.partial(defaults, family))
        if options.trials:
            searched_scores(family)
    x, y = np.concatenate([data.x_train, data.x_val]), np.concatenate([data.y_train, data.y_val]).reshape(-1)
    for name, peer in peers(data, seed).items():
        scored(name, functools.partial(peer_answers, peer, x, y, data))
    if options.trials:
        scored(f"HistGradientBoosting, {options.trials} draws", lambda: tuned_answers(data, seed, options.trials))
    return {name: scores[name] for name in asked}


def searched_answers(
    data: kzoo.Dataset, family: str, seed: int, options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Answers to the test rows: of the best trial of a search trained again, and of the mean of the best ones."""
    import tuners

    hypermodel = kzoo.create_hypermodel(family, data.task, epochs=options.epochs)
    with tempfile.TemporaryDirectory() as directory:
        tuner = tuners.CoarseToFineSearch(
            hypermodel,
            objective=data.task.objective,
            max_trials=options.trials,
            seed=seed,
            directory=directory,
            project_name="search",
            keep_checkpoints=TOP,
        )
        validation = (data.x_val, data.y_val)
        tuner.search(data.x_train, data.y_train, validation_data=validation, epochs=options.epochs, verbose=0)
        best = tuners.Study.load(Path(directory, "search")).best[0]
        models = tuner.get_best_models(TOP)
    mean = kzoo.ensemble(models, data).model.predict(data.x_test, verbose=0)
    epochs = {"epochs": options.epochs, "best_epoch": best.best_epoch or 1}
    again = kzoo.retrain(hypermodel, best.values, data, **epochs, seeds=(seed,), found=models[0])
    return again.model.predict(data.x_test, verbose=0), mean


def tuned_answers(data: kzoo.Dataset, seed: int, draws: int) -> np.ndarray:
    """Answers to the test rows of HistGradientBoosting, its values and trees chosen by the validation rows."""
    rng = np.random.default_rng(seed)
    model = peers(data, seed)["HistGradientBoosting"].set_params(max_iter=TREES, early_stopping=False)
    classes = data.task.kind == "classification"
    y_train, y_val = data.y_train.reshape(-1), data.y_val.reshape(-1)
    best, chosen = (-np.inf, -np.inf), {}
    for draw in range(draws):
        values = {
            "learning_rate": float(np.exp(rng.uniform(np.log(0.01), np.log(0.3)))),
            "max_leaf_nodes": int(np.exp(rng.uniform(np.log(4), np.log(128)))),
            "min_samples_leaf": int(np.exp(rng.uniform(np.log(2), np.log(100)))),
            "l2_regularization": float(np.exp(rng.uniform(np.log(1e-4), np.log(10)))),
        }
        # Of random draws the first one is the defaults, as in a search of ours.
        model.set_params(**values if draw else {})
        model.fit(data.x_train, y_train)
        stages = model.staged_predict_proba(data.x_val) if classes else model.staged_predict(data.x_val)
        for trees, answer in enumerate(stages, 1):
            if classes:
                known = np.zeros((len(y_val), data.task.num_classes))
                known[:, model.classes_] = answer
                likelihood = np.clip(known[np.arange(len(y_val)), y_val], 1e-9, 1)
                score = (float((known.argmax(axis=1) == y_val).mean()), float(np.log(likelihood).mean()))
            else:
                score = (-float(((answer - y_val) ** 2).mean()), 0.0)
            if score > best:
                best, chosen = score, {**(values if draw else {}), "max_iter": trees}
    chosen_model = peers(data, seed)["HistGradientBoosting"].set_params(early_stopping=False, **chosen)
    x, y = np.concatenate([data.x_train, data.x_val]), np.concatenate([y_train, y_val])
    return peer_answers(chosen_model, x, y, data)


def peer_answers(peer: sklearn.base.BaseEstimator, x: np.ndarray, y: np.ndarray, data: kzoo.Dataset) -> np.ndarray:
    """Answers of a model of scikit-learn to the test rows."""
    peer.fit(x, y)
    if data.task.kind != "classification":
        return peer.predict(data.x_test)
    # By the classes that it was shown.
    known = np.zeros((len(data.x_test), data.task.num_classes))
    known[:, peer.classes_] = peer.predict_proba(data.x_test)
    return known


def peers(data: kzoo.Dataset, seed: int) -> dict[str, sklearn.base.BaseEstimator]:
    """Models of scikit-learn with their defaults; they know which numbers are codes of categories."""
    ensemble, linear = sklearn.ensemble, sklearn.linear_model
    width, codes = data.x_train.shape[1], len(data.task.codes)
    places = list(range(width - codes, width))

    def scaled(model: sklearn.base.BaseEstimator) -> sklearn.base.BaseEstimator:
        one_hot = sklearn.preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = sklearn.compose.ColumnTransformer([("codes", one_hot, places)], remainder="passthrough")
        return sklearn.pipeline.make_pipeline(columns, sklearn.preprocessing.StandardScaler(), model)

    if data.task.kind == "classification":
        boosted = ensemble.HistGradientBoostingClassifier
        forest, line = ensemble.RandomForestClassifier, linear.LogisticRegression(max_iter=1000)
    else:
        boosted = ensemble.HistGradientBoostingRegressor
        forest, line = ensemble.RandomForestRegressor, linear.Ridge()
    return {
        "HistGradientBoosting": boosted(random_state=seed, categorical_features=places),
        "RandomForest": forest(random_state=seed),
        "LogisticRegression or Ridge": scaled(line),
    }


def measured() -> str:
    versions = ", ".join(
        f"{each} {importlib.metadata.version(each)}" for each in ("tensorflow", "keras", "scikit-learn")
    )
    return f"{datetime.date.today()}, {versions}"


def write(part: str, lines: list[str]) -> None:
    """Put a part into the results in place of the one with the same title."""
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Real tables\n\nWritten by `tables.py`.\n"
    head, *parts = old.rstrip().split("\n## ")
    kept = {each.splitlines()[0]: each for each in parts}
    kept[part] = "\n".join([part, "", *lines])
    text = "\n## ".join([f"{head.rstrip()}\n", *(f"{each.rstrip()}\n" for each in kept.values())])
    RESULTS.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--described", type=Path)
    parser.add_argument("--tables", nargs="*", help="names; all if not given")
    parser.add_argument("--quality", action="store_true", help="compare models, on the tables marked for it")
    parser.add_argument("--text", metavar="COLUMN", help="compare models of a column of text")
    parser.add_argument("--large", action="store_true", help="time and memory of a large table")
    parser.add_argument("--families", nargs="*", default=["mlp", "realmlp", "tabm"])
    parser.add_argument("--trials", type=int, default=0, help="of a search; 0 for the defaults alone")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    if options.large:
        write("Large", large(options.directory))
        return
    with (options.described or options.directory / "tables.csv").open(encoding="utf-8") as file:
        tables = [each for each in csv.DictReader(file) if not options.tables or each["name"] in options.tables]
    if options.text:
        write(f"Text: {options.text}", text_lines(tables, options))
        return
    if options.quality:
        compare([each for each in tables if each["quality"] == "yes"], options)
        return
    lines = [
        f"Measured {measured()}. Differences are a share of the largest answer.",
        "",
        "| table | rows | columns | numbers | read and encoded, CPU | rows of the file | a cell missing or unseen |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for table in tables:
        found = answers(str(options.directory / table["file"]), table["target"])
        lines.append(
            "| {name} | {rows:,} | {columns} | {numbers} | {reading:.1f} s | {apart:.1e} | {odd:.1e} |".format(
                name=table["name"], **found
            )
        )
        print(lines[-1], flush=True)
    write("Answers", lines)


def text_lines(tables: list[dict[str, str]], options: argparse.Namespace) -> list[str]:
    """Accuracies of families on a text beside those of a logistic regression over tf-idf."""
    found: dict[str, list[tuple[float, float]]] = {}
    for table in tables:
        for seed in range(1, options.seeds + 1):
            for name, each in text_scores(options.directory / table["file"], table["target"], seed, options).items():
                found.setdefault(name, []).append(each)
                print(table["name"], seed, name, each, flush=True)
    lines = [
        f"Measured {measured()}, {options.epochs} epochs, {options.seeds} seeds of "
        f"{', '.join(table['name'] for table in tables)}.",
        "",
        "| model | accuracy | standard error | CPU |",
        "|---|---:|---:|---:|",
    ]
    for name, each in found.items():
        scores, seconds = np.array(each).T
        error = scores.std(ddof=1) / len(scores) ** 0.5 if len(scores) > 1 else np.nan
        lines.append(f"| {name} | {scores.mean():.3f} | {error:.3f} | {seconds.mean():.1f} s |")
    return lines


def text_scores(source: Path, target: str, seed: int, options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Accuracy on the test rows and CPU seconds, by the name of the model."""
    import pandas
    from sklearn.feature_extraction.text import TfidfVectorizer

    from kzoo.zoo.refit import refit

    frame = pandas.read_csv(source)[[options.text, target]].dropna()
    frame["part"] = np.random.default_rng(seed).choice(["train", "val", "test"], len(frame), p=[0.6, 0.2, 0.2])
    data = kzoo.load_dataset(frame, target=target, part="part")
    held = frame["part"] == "test"

    def by_words() -> np.ndarray:
        line = sklearn.linear_model.LogisticRegression(max_iter=1000)
        model = sklearn.pipeline.make_pipeline(TfidfVectorizer(), line)
        model.fit(frame[options.text][~held], frame[target][~held])
        # Classes are in the order of their names here and there.
        return model.predict_proba(frame[options.text][held])

    def defaults(family: str) -> np.ndarray:
        hypermodel = kzoo.create_hypermodel(family, data.task, epochs=options.epochs)
        return refit(hypermodel, {}, data, epochs=options.epochs, seeds=(seed,)).predict(data.x_test, verbose=0)

    models: dict[str, Callable[[], np.ndarray]] = {"LogisticRegression over tf-idf": by_words}
    for family in options.families:
        models[f"{family}, defaults"] = functools.partial(defaults, family)
        if options.trials:
            models[f"{family}, {options.trials} trials"] = lambda family=family: searched_answers(
                data, family, seed, options
            )[0]
    found = {}
    for name, answers_of in models.items():
        began = time.process_time()
        answers = answers_of()
        found[name] = (float((answers.argmax(axis=1) == data.y_test).mean()), time.process_time() - began)
    return found


def large(directory: Path) -> list[str]:
    """Time and memory of a table that is made here: numbers, words, dates and a target."""
    import pandas

    rng, rows = np.random.default_rng(0), 100_000
    columns: dict[str, object] = {f"number {each}": rng.normal(size=rows).round(4) for each in range(30)}
    columns |= {f"word {each}": rng.choice([f"w{one}" for one in range(5 + each)], rows) for each in range(16)}
    for each in range(3):
        days = pandas.to_timedelta(rng.integers(0, 8000, rows), unit="D")
        columns[f"date {each}"] = pandas.Series(pandas.Timestamp("2001-01-01") + days).dt.strftime("%Y-%m-%d")
    frame = pandas.DataFrame({**columns, "target": rng.choice(["a", "b"], rows)})
    frame.loc[rng.random(rows) < 0.1, "number 3"] = np.nan
    hundred, million = directory / "large.csv", directory / "million.csv"
    frame.to_csv(hundred, index=False)
    frame.sample(10 * rows, replace=True, random_state=1).to_csv(million, index=False)
    read = f"import kzoo; kzoo.load_dataset({str(hundred)!r}, target='target')"
    lines = [f"Measured {measured()}.", "", "| what | CPU | wall | memory |", "|---|---:|---:|---:|"]
    lines.append(f"| 100,000 rows x 50 columns read and encoded | {spent(read)} |")
    with tempfile.TemporaryDirectory() as place:
        data = kzoo.load_dataset(hundred, target="target")
        model = kzoo.create_model("mlp", data.task)
        export = kzoo.export_model(model, Path(place) / "large", task=data.task, examples=data.x_train[:64])
        for name, table in (("100,000", hundred), ("1,000,000", million)):
            predict = ["predict", str(export), str(table), "--out", str(Path(place) / "answers.csv")]
            run = spent(f"import sys; from kzoo.cli import main; sys.argv[1:] = {predict!r}; main()")
            lines.append(f"| {name} rows answered by `kzoo predict` | {run} |")
    return lines


PEAK = "import atexit; atexit.register(lambda: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]))"
"""The kernel's own figure of a process counts what its parent had when it was started."""


def spent(code: str) -> str:
    """CPU seconds, wall seconds and peak memory of a process of Python, as cells of a table."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", f"{PEAK}; {code}"], capture_output=True, text=True, check=True)
    seconds, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return f"{cpu:.1f} s | {seconds:.1f} s | {int(done.stdout.split()[-1]) / 1024:.0f} MB"


def compare(tables: list[dict[str, str]], options: argparse.Namespace) -> None:
    rows, names = {}, []
    for table in tables:
        source = str(options.directory / table["file"])
        found = [quality(source, table["target"], seed, options) for seed in range(1, options.seeds + 1)]
        rows[table["name"]] = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
        names = [name for name in found[0] if not name.endswith("CPU s")]
        print(table["name"], {name: round(value, 4) for name, value in rows[table["name"]].items()}, flush=True)
        # After each table, so that what was measured stays where the next one fails.
        title = f"Quality after {options.trials} trials" if options.trials else "Quality"
        write(title, quality_lines(rows, names, options))


def quality_lines(rows: dict[str, dict[str, float]], names: list[str], options: argparse.Namespace) -> list[str]:
    scores = np.array([[row[name] for name in names] for row in rows.values()])
    ranks = (scores[:, None, :] > scores[:, :, None]).sum(axis=2) + 1
    spread = np.maximum(np.ptp(scores, axis=1, keepdims=True), 1e-9)
    share = (scores - scores.min(axis=1, keepdims=True)) / spread
    seconds = [sum(row[f"{name}, CPU s"] for row in rows.values()) for name in names]

    def line(title: str, values: Iterable[float], form: str) -> str:
        return f"| {title} | {' | '.join(form.format(value) for value in values)} |"

    return [
        f"Measured {measured()}, {options.epochs} epochs, {options.seeds} seeds, {options.trials} trials of a search.",
        "Accuracy, or R2, on the test rows. A normalised score is 1 for the best of a table and 0 for the last.",
        "",
        f"| table | {' | '.join(names)} |",
        "|---|" + "---:|" * len(names),
        *(line(table, [row[name] for name in names], "{:.3f}") for table, row in rows.items()),
        line("mean rank", ranks.mean(axis=0), "{:.2f}"),
        line("mean normalised score", share.mean(axis=0), "{:.2f}"),
        line("CPU seconds, all tables, one seed", seconds, "{:.0f}"),
    ]


if __name__ == "__main__":
    main()
