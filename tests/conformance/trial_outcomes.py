"""The trials of one search, by one engine, and what comes of each."""

from __future__ import annotations

import dataclasses
import gc
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import keras_tuner
import numpy as np

import tuners
from tuners.engine.choice import EngineUse
from tuners.store import checkpoints

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
