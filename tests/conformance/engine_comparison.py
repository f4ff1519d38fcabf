"""The same trials by `model.fit` and by an engine, and in what they differ."""

from __future__ import annotations

import dataclasses
import gc
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from scipy import stats

import tuners
from tuners.engine.choice import EngineUse
from tuners.store import checkpoints

ENGINES = ("auto", "graph", "numpy")
"""What is held against "fit"."""

METRICS = {"rtol": 5e-4, "atol": 2e-5}
WEIGHTS = {"rtol": 5e-4, "atol": 5e-5}
"""How far two trainings may be apart that only round differently: of metrics by epoch, and of weights."""

DRAWS, UNLIKELY = 40, 1e-4
"""Epochs whose losses are compared where random numbers are drawn, and the p-value of losses distributed otherwise."""


FIT = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
"""Arguments of `search` where none are given."""


class Notes(list):
    """What callbacks and models note down; a copy of a callback notes down in the same place."""

    def __deepcopy__(self, memo: Any) -> Notes:
        return self


@dataclasses.dataclass(frozen=True)
class Group:
    """Trials of one search, one after the other.

    Attributes:
        builds: By label, what builds the compiled model of a trial.
        args: Positional arguments of `search`.
        kwargs: Keyword arguments of `search`, beside the defaults.
        defaults: Keyword arguments of `search` that `kwargs` may replace.
        fit: `HyperModel.fit`, where the hypermodel is to have one.
        objective: A metric that is there.
        tolerance: Factor of how far apart the two may be.
        same_draws: Whether an engine must draw the same random numbers; else losses only have to be distributed alike.
        notes: Where callbacks and models note down what must be the same by every engine.
        notes_may_be_more: Whether an engine may note down more than `model.fit` does.
    """

    builds: Mapping[str, Callable[[], keras.Model]]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=lambda: FIT)
    fit: Callable[..., Any] | None = None
    objective: Any = "loss"
    tolerance: float = 1.0
    same_draws: bool = True
    notes: Notes = dataclasses.field(default_factory=Notes)
    notes_may_be_more: bool = False

    def first(self, count: int) -> Group:
        """The first trials of it."""
        return dataclasses.replace(self, builds=dict(list(self.builds.items())[:count]))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        error: What was raised, or "".
        metrics: By name, epochs with their values.
        weights: Arrays by what they are.
        uses: What trained in each call of `model.fit`, and why others did not.
        notes: What was noted down.
    """

    error: str = ""
    metrics: Mapping[str, list[tuple[int, float]]] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    uses: tuple[EngineUse, ...] = ()
    notes: tuple[Any, ...] = ()


class InTurn(keras_tuner.Oracle):
    """Asks for one variant after the other.

    Args:
        count: How many there are.
        objective: See `keras_tuner.Oracle`.
    """

    def __init__(self, count: int, objective: Any) -> None:
        if isinstance(objective, str):
            objective = keras_tuner.Objective(objective, "min")
        super().__init__(objective=objective, max_trials=count, seed=1, max_consecutive_failed_trials=count + 1)
        self.verbose = 0

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """See `keras_tuner.Oracle`."""
        values = self.get_space().values
        return {"status": "RUNNING", "values": {**values, "variant": len(self.start_order)}}


class Watched(tuners.FastTuner):
    """A tuner that tells what came of each trial."""

    outcomes: list[Outcome]
    models: list[keras.Model]
    group: Group
    looked_at: dict[str, Any]

    def on_trial_begin(self, trial: Any) -> None:
        """See `keras_tuner.Tuner`."""
        self.group.notes.clear()
        self._uses_before = len(self.engine_uses)
        super().on_trial_begin(trial)

    def on_trial_end(self, trial: Any) -> None:
        """See `keras_tuner.Tuner`."""
        super().on_trial_end(trial)
        self.outcomes.append(self._outcome(self.oracle.get_trial(trial.trial_id)))
        self.models.clear()

    def _outcome(self, trial: Any) -> Outcome:
        uses = tuple(self.engine_uses[self._uses_before :])
        if trial.status != "COMPLETED" and not trial.metrics.exists(self.oracle.objective.name):
            return Outcome(error=cause(trial.message or trial.status), uses=uses)
        metrics = {
            name: [(each.step, float(each.value[0])) for each in trial.metrics.get_history(name)]
            for name in trial.metrics.metrics
        }
        return Outcome(metrics=metrics, weights=self._weights(trial), uses=uses, notes=tuple(self.group.notes))

    def _weights(self, trial: Any) -> dict[str, np.ndarray]:
        """As the hypermodel saw them after training, and of the best epoch."""
        found = dict(self.looked_at)
        if trial.trial_id in checkpoints.kept_trials(self.project_dir):
            checkpoints.load_weights(self.project_dir, trial.trial_id, self.models[-1])
            found |= _arrays("best epoch's weight", self.models[-1].weights)
        return found


class Looking(keras_tuner.HyperModel):
    """A hypermodel that looks at its models after they were trained.

    Args:
        build: Builds a model.
        fit: Trains it; `model.fit` by default.
        found: What is to be found of the model afterwards, by name.
    """

    def __init__(self, build: Callable[[Any], Any], fit: Callable[..., Any] | None, found: dict[str, Any]) -> None:
        super().__init__()
        self.build_plainly, self.fit_plainly, self.found = build, fit, found

    def build(self, hp: Any) -> Any:
        """See `keras_tuner.HyperModel`."""
        self.found.clear()
        return self.build_plainly(hp)

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """See `keras_tuner.HyperModel`."""
        result = (
            model.fit(*args, **kwargs) if self.fit_plainly is None else self.fit_plainly(hp, model, *args, **kwargs)
        )
        optimizer = [] if model.optimizer is None else model.optimizer.variables
        self.found |= _arrays("weight", model.weights) | _arrays("optimizer's", optimizer)
        self.found |= {f"metric {name}": np.asarray(value) for name, value in model.get_metrics_result().items()}
        self.found["stop_training"] = np.asarray(model.stop_training)
        return result


def _arrays(what: str, variables: Iterable[Any]) -> dict[str, np.ndarray]:
    # Not by path: an optimizer that an engine has built names some of its variables in another scope.
    return {f"{what} {number} ({each.name})": np.asarray(each) for number, each in enumerate(variables)}


def outcomes(group: Group, engine: str, *, looks: bool = True) -> dict[str, Outcome]:
    """What comes of the trials of a group, by label.

    Args:
        group: The trials.
        engine: Of `tuners.FastTuner`.
        looks: Whether the hypermodel looks at what was trained; else it is a function that builds.
    """
    labels, builds = list(group.builds), list(group.builds.values())
    models: list[keras.Model] = []
    ready: list[bool] = []
    looked_at: dict[str, Any] = {}

    def build(hp: Any) -> keras.Model:
        number = hp.Int("variant", 0, len(builds) - 1) if len(builds) > 1 else 0
        if not ready:
            # The tuner only asks what there is to tune; a model that cannot be built is the matter of its own trial.
            return None
        models.append(builds[number]())
        return models[-1]

    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        # Of gradients that are not there, say: they are the model's, whatever trains it.
        warnings.simplefilter("ignore")
        tuner = Watched(
            InTurn(len(builds), group.objective),
            Looking(build, group.fit, looked_at) if looks or group.fit is not None else build,
            engine=engine,
            directory=directory,
            project_name="search",
            keep_checkpoints=len(builds),
        )
        tuner.outcomes, tuner.models, tuner.group, tuner.looked_at = [], models, group, looked_at
        ready.append(True)
        try:
            tuner.search(*group.args, **{**group.defaults, **group.kwargs})
        except Exception as error:
            failed = Outcome(error=cause(f"{type(error).__name__}: {error}"))
            tuner.outcomes += [failed] * (len(builds) - len(tuner.outcomes))
    keras.backend.clear_session()
    gc.collect()
    return dict(zip(labels, tuner.outcomes, strict=True))


def cause(message: str) -> str:
    """The last line of a traceback that names an exception."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    named = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception")) and "File" not in line[:5]]
    return (named or lines or ["no message"])[-1][:300]


def differences(expected: Outcome, found: Outcome, group: Group) -> Iterator[str]:
    """In what an engine's outcome is not that of `model.fit`, in words.

    Args:
        expected: By `model.fit`.
        found: By an engine.
        group: Of the trial: what may differ.
    """
    for use in found.uses:
        if use.engine == "fit" and not (use.refusals and all(use.refusals.values())):
            yield f"was left to model.fit without a reason: {dict(use.refusals)}"
    if expected.error or found.error:
        if not expected.error:
            yield f"raises where fit trains: {found.error}"
        elif not found.error:
            yield f"trains where fit raises: {expected.error}"
        elif _kind(expected.error) != _kind(found.error):
            yield f"raises {found.error!r} where fit raises {expected.error!r}"
        return
    if set(expected.metrics) != set(found.metrics):
        yield f"metrics are {sorted(found.metrics)}, by fit {sorted(expected.metrics)}"
    for name in sorted(set(expected.metrics) & set(found.metrics)):
        yield from _of_metric(name, expected.metrics[name], found.metrics[name], group.tolerance)
    yield from _of_weights(expected.weights, found.weights, group.tolerance)
    if group.notes_may_be_more:
        yield from (f"does not come to {each}" for each in expected.notes if each not in found.notes)
    elif expected.notes != found.notes:
        yield from _of_notes(expected.notes, found.notes)


def _kind(error: str) -> str:
    return error.split(":")[0].split(".")[-1]


def _of_metric(
    name: str, expected: Sequence[tuple[int, float]], found: Sequence[tuple[int, float]], tolerance: float
) -> Iterator[str]:
    if [epoch for epoch, _ in expected] != [epoch for epoch, _ in found]:
        yield f"{name} is of epochs {[epoch for epoch, _ in found]}, by fit {[epoch for epoch, _ in expected]}"
        return
    for (epoch, value), (_, other) in zip(expected, found, strict=True):
        if not _close(value, other, METRICS, tolerance):
            yield f"{name} of epoch {epoch + 1} is {other:.7g}, by fit {value:.7g}"
            return


def _of_weights(expected: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], tolerance: float) -> Iterator[str]:
    # A model that nobody looked at has the weights of the best epoch alone.
    seen = "stop_training" in found
    expected = {name: value for name, value in expected.items() if seen or name.startswith("best")}
    if list(expected) != list(found):
        yield f"what is left is other than by fit: {sorted(set(found) ^ set(expected))[:4]}"
        return
    for name, value in expected.items():
        other = found[name]
        if value.shape != other.shape or not _close(value, other, WEIGHTS, tolerance):
            gap = (
                np.abs(value * 1.0 - other).max() if value.shape == other.shape else f"{other.shape} for {value.shape}"
            )
            yield f"{name} is apart by {gap} (values up to {np.abs(value).max(initial=0):.3g})"
            return


def _of_notes(expected: Sequence[Any], found: Sequence[Any]) -> Iterator[str]:
    for number in range(max(len(expected), len(found))):
        one, other = (each[number] if number < len(each) else "nothing" for each in (expected, found))
        if not _alike(one, other):
            yield f"note {number + 1} is {other}, by fit {one}"
            return


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return _close(one, other, METRICS, 1.0)
    return type(one) is type(other) and one == other


def _close(one: Any, other: Any, within: Mapping[str, float], tolerance: float) -> bool:
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    scaled = {name: value * tolerance for name, value in within.items()}
    return bool(np.allclose(other.astype(float), one.astype(float), equal_nan=True, **scaled))


def compare(group: Group, engines: Iterable[str] = ENGINES, *, unseen: Iterable[str] = ("auto",)) -> list[str]:
    """What differs between `model.fit` and the engines, one line each; nothing where all is the same.

    Args:
        group: The trials.
        engines: Their names.
        unseen: Those whose models nobody looks at after they were trained.
    """
    by_fit = outcomes(group, "fit")
    found = []
    for engine in engines:
        for label, outcome in outcomes(group, engine, looks=engine not in unseen).items():
            lines = list(differences(by_fit[label], outcome, group))
            if lines and not group.same_draws and not outcome.error:
                lines = list(_of_draws(group, label, engine))
            if lines:
                found.append(
                    f"[{label}] by {engine} ({', '.join(use.engine for use in outcome.uses)}): {'; '.join(lines[:3])}"
                )
    return found


def _of_draws(group: Group, label: str, engine: str) -> Iterator[str]:
    """In what the losses of a random model are distributed in another way, while nothing is learned."""

    def still() -> keras.Model:
        model = group.builds[label]()
        model.optimizer.learning_rate = 0.0
        return model

    kwargs = {**group.kwargs, "epochs": DRAWS, "batch_size": 100}
    alone = dataclasses.replace(group, builds={label: still}, kwargs=kwargs)
    [expected], [found] = (outcomes(alone, each).values() for each in ("fit", engine))
    if expected.error or found.error or set(expected.metrics) != set(found.metrics):
        yield from differences(expected, found, group)
        return
    losses = [[value for _, value in each.metrics["loss"] if np.isfinite(value)] for each in (expected, found)]
    if min(map(len, losses)) < DRAWS / 4:
        yield f"only {[len(each) for each in losses]} of {DRAWS} losses of a model that learns nothing are numbers"
    elif (chance := stats.ks_2samp(*losses).pvalue) < UNLIKELY:
        means = [float(np.mean(each)) for each in losses]
        yield f"losses that nothing is learned from are distributed otherwise (p {chance:.1g}), means {means}"
    for name in sorted(each for each in expected.metrics if each.startswith("val_")):
        yield from _of_metric(name, expected.metrics[name], found.metrics[name], group.tolerance)
