"""A study as runs of MLflow: one for the search, and one below it for each trial."""

from __future__ import annotations

import itertools
import math
import os
import re
import socket
import urllib.parse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tuners.trackers.facts import facts_of, times_of

if TYPE_CHECKING:
    import datetime

    from tuners.study import Study
    from tuners.trial_record import TrialRecord

STATUSES = {"COMPLETED": "FINISHED", "INVALID": "FAILED", "FAILED": "FAILED", "RUNNING": "KILLED"}

PORTS = {"http": 80, "https": 443}

PATIENCE = 5.0
"""Seconds that a server may take to answer."""

MOST = 1000
"""Metrics that MLflow takes in one request."""

PARENT = "mlflow.parentRunId"


def write_mlflow(study: Study, experiment: str, tracking_uri: str | None) -> str:
    """Write a study into an experiment of MLflow; see `tuners.Study.to_mlflow`."""
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError:
        raise ModuleNotFoundError("MLflow is not installed: pip install 'kzoo[mlflow]'.", name="mlflow") from None
    check_answers(tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", ""))
    client = MlflowClient(tracking_uri=tracking_uri)
    found = client.get_experiment_by_name(experiment)
    place = client.create_experiment(experiment) if found is None else found.experiment_id
    times = [times_of(study, trial) for trial in study.trials]
    began, ended = min(times)[0] if times else None, max(end for _, end in times) if times else None
    parent: str = client.create_run(place, _milliseconds(began), run_name=experiment).info.run_id
    try:
        _write_search(client, parent, study)
        for trial, (start, end) in zip(study.trials, times, strict=True):
            tags = {PARENT: parent}
            run = client.create_run(place, _milliseconds(start), tags, f"trial {trial.number}").info.run_id
            _write_trial(client, run, trial, _milliseconds(end) or 0)
            client.set_terminated(run, STATUSES[trial.status], _milliseconds(end))
    except BaseException:
        client.set_terminated(parent, "FAILED")
        raise
    client.set_terminated(parent, "FINISHED", _milliseconds(ended))
    return parent


def check_answers(uri: str) -> None:
    """Refuse the address of a server where nobody listens, since MLflow asks it for minutes without a word.

    Raises:
        ConnectionError: Nobody listens there.
    """
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme not in PORTS or not parts.hostname:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or PORTS[parts.scheme]), PATIENCE).close()
    except OSError as error:
        raise ConnectionError(f"{uri}: no server answers ({error}); start one there: mlflow server.") from None


def _milliseconds(time: datetime.datetime | None) -> int | None:
    return None if time is None else int(1000 * time.timestamp())


def _write_search(client: Any, run: str, study: Study) -> None:
    from mlflow.entities import Metric, Param, RunTag

    about = {"objective": study.objective, "direction": study.direction, "seed": study.seed, **study.about}
    tags = [RunTag(_key(name), str(value)) for name, value in about.items()]
    if not study.best:
        client.log_batch(run, tags=tags)
        return
    best = study.best[0]
    params = [Param(_key(name), str(value)) for name, value in best.shown.items()]
    tags.append(RunTag("best_trial", str(best.number)))
    client.log_batch(run, [Metric("score", best.score, 0, 0)], params, tags)


def _write_trial(client: Any, run: str, trial: TrialRecord, time: int) -> None:
    from mlflow.entities import Metric, Param, RunTag

    params = [Param(_key(name), str(value)) for name, value in trial.shown.items()]
    tags = [RunTag(name, str(value)) for name, value in facts_of(trial).items()]
    client.log_batch(run, params=params, tags=tags)
    metrics = [Metric(_key(name), value, time, step) for name, value, step in _metrics(trial)]
    for part in range(0, len(metrics), MOST):
        client.log_batch(run, metrics[part : part + MOST])


def _metrics(trial: TrialRecord) -> Iterator[tuple[str, float, int]]:
    """Names, values and epochs; what MLflow shows of a metric is its last, so that the score has a name of its own."""
    curves = ([(name, value, step) for step, value in enumerate(curve, 1)] for name, curve in trial.history.items())
    for name, value, step in itertools.chain.from_iterable(curves):
        if math.isfinite(value):
            yield name, float(value), step
    if trial.score is not None and math.isfinite(trial.score):
        yield "score", float(trial.score), trial.best_epoch or 0
    if trial.seconds is not None:
        yield "seconds", float(trial.seconds), 0


def _key(name: str) -> str:
    """A name as MLflow takes it."""
    return re.sub(r"[^\w\-./ :]", "_", name)
