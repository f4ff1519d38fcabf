"""The oracle: keras-tuner's contract on the outside, the coarse-to-fine search within."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import math
import os
import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from tuners.changed_space import Identity, followed, recalled, redeclared
from tuners.log import get_logger
from tuners.past_searches import Past, past_searches
from tuners.private_apis import RecalledSpace, identity, project_directory, replace_declaration
from tuners.space.dimensions import Cube, begins_at_an_end
from tuners.store.facts import circumstances
from tuners.store.records import JournalWriter, TrialState
from tuners.strategy.coarse_stage import STARTING_POINTS
from tuners.strategy.limits import Limits
from tuners.strategy.luck import is_rate
from tuners.strategy.planner import Plan, Planner
from tuners.strategy.scores import gain_of, score_of
from tuners.strategy.suggest import Strategy
from tuners.strategy.transfer import Source
from tuners.strategy.warm_start import Known, known_from, known_trials
from tuners.study import Study
from tuners.trial_metrics import (
    Tally,
    directions,
    loss_of,
    revived,
    set_score,
    take_metrics,
    with_direction,
    with_values,
)

_LOG = get_logger(__name__)

LARGEST_SEED = 2**31 - 1


@dataclasses.dataclass
class Running:
    """A trial that has not ended: its number, its coordinates by name, and when it began, in monotonic seconds."""

    number: int
    point: dict[str, float]
    began: float = dataclasses.field(default_factory=time.monotonic)


class CoarseToFineOracle(keras_tuner.Oracle):
    """Searches at random on the right scales, and zooms from coarse to fine.

    The first trial is at the defaults, which what is found has to be better than. The next ones are spread over the
    whole space; later ones are drawn from a box around the best, which moves on with it, widens on success, shrinks on
    failure, and opens again when it is exhausted. A small Gaussian process ranks the candidates. Works in
    `keras_tuner.Tuner(oracle=...)` and every subclass.

    The search is kept in one journal, written as it goes. A stopped search goes on where it was, with the same later
    trials, when the same script is run again.

    Args:
        objective: Name of the metric, a `keras_tuner.Objective`, or a list of them, as every keras-tuner oracle takes.
        max_trials: Trials in all.
        seed: Seed of the search, 0 to 2**31 - 1; a random one where none is given.
        hyperparameters: `keras_tuner.HyperParameters` that override or restrict the space.
        tune_new_entries: Whether hyperparameters that are not in `hyperparameters` are tuned.
        allow_new_entries: Whether the hypermodel may ask for hyperparameters that are not in `hyperparameters`.
        max_retries_per_trial: Times that a trial that raised is run again.
        max_consecutive_failed_trials: Failed trials in a row that stop the search. A trial whose loss is not finite is
            infeasible, which is a result: it counts neither as failed nor for a retry.
        scales: Scales by hyperparameter name, "linear", "log" or "one_minus_log", in place of the declared ones:
            `{"momentum": "one_minus_log"}` for a momentum that was declared linearly.
        priorities: Priorities of hyperparameters by name, 1 for those that matter most (`{"learning_rate": 1, "units":
            2}`); what is not named comes last. After the first trial the coarse stage then moves the first priority
            only, then the second as well: worth it where the defaults are good ones.
        initial: Values to try first, one mapping per trial, in place of the defaults; what one leaves out is at its
            default.
        earlier: A `Study` or the directory of one, whose trials the search knows from the start as if they were its
            own first ones; none of them is run again, none counts for `max_trials`, and `get_best_trials` gives none.
            Their scores must mean the same here: the same data, objective and number of epochs. Where the data
            have changed, pass `initial=study.best_values(5)` instead. What they lack is taken at its default.
        learn_from: Searches on other data, for any objective, whose spaces have hyperparameters of this one: studies,
            directories of searches, directories that hold such directories, or a list of these. What they have in
            common is where this search begins; it is left as far as the results here do not agree with it.
        reevaluate: Times that a configuration that leads is trained again, each time from another seed; the mean of
            its scores then stands for it, so that luck does not lead the search. Worth its trials where the same
            values give scores further apart than the best configurations are.
        reruns: Of the last trials, those that run the leaders and the defaults again, from other seeds, so that the
            best is not the luckiest: where none is given a tenth of `max_trials`, or of the trials so far in the last
            tenth of `max_time` and where `patience` ends the search; 0 for none. Fewer are used, and the others search
            on, where the lead is clear.
        starting_points: Of the coarse stage, "quasi" (evenly spread) or "independent".
        ranking: Whether a Gaussian process ranks the candidates; without it one is drawn from the box.
        max_time: Seconds after which no further trial starts, the time of an earlier part of the search included.
        patience: Trials in a row without a new best, those that run others again aside, after which the search stops;
            None for no such limit.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        *,
        scales: Mapping[str, str] | None = None,
        priorities: Mapping[str, int] | None = None,
        initial: Sequence[Mapping[str, Any]] = (),
        earlier: Study | str | os.PathLike[str] | None = None,
        learn_from: Past | Iterable[Past] = (),
        reevaluate: int = 0,
        reruns: int | None = None,
        starting_points: str = "quasi",
        ranking: bool = True,
        max_time: float | None = None,
        patience: int | None = None,
    ) -> None:
        if seed is not None and not 0 <= seed <= LARGEST_SEED:
            raise ValueError(f"seed is {seed!r}; expected a whole number from 0 to {LARGEST_SEED}.")
        if starting_points not in STARTING_POINTS:
            raise ValueError(f"starting_points is {starting_points!r}; expected one of {', '.join(STARTING_POINTS)}.")
        for name, limit in (("max_trials", max_trials), ("max_time", max_time), ("patience", patience)):
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} is {limit!r}; expected a positive number, or None for no limit.")
        for name, times in (("reevaluate", reevaluate), ("reruns", reruns or 0)):
            if times < 0:
                raise ValueError(f"{name} is {times!r}; expected 0 or more.")
        super().__init__(
            objective=with_direction(objective),
            max_trials=max_trials,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            seed=seed,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        # keras-tuner takes 0 for "no seed".
        self.seed = random.SystemRandom().randint(1, LARGEST_SEED) if seed is None else seed
        self.max_time, self.patience, self.reruns = max_time, patience, reruns
        self.stop_reason = ""
        known = [] if earlier is None else self._known(earlier)
        strategy = Strategy(self.seed, ranking, starting_points, priorities=dict(priorities or {}))
        first = [*map(dict, initial)]
        # Kept with the search: it goes on the same when the earlier one has grown or is gone.
        header: dict[str, Any] = {"earlier": [dataclasses.asdict(each) for each in known]} if known else {}
        sources = past_searches(learn_from)
        if sources:
            header["learned_from"] = [dataclasses.asdict(each) for each in sources]
        self._make_planner = functools.partial(Planner, strategy, dict(scales or {}), first, known, reevaluate, sources)
        self._make_ledger = functools.partial(
            JournalWriter, {"objective": directions(self.objective), "seed": self.seed, **header}
        )
        self._mutex = threading.RLock()
        self._awaited: set[Identity] = set()
        self._begin()

    def _begin(self) -> None:
        """Know nothing of a search."""
        self.trials: dict[str, Trial] = {}
        self.ongoing_trials: dict[str, Trial] = {}
        self.start_order: list[str] = []
        self.end_order: list[str] = []
        self._planner, self._ledger = self._make_planner(), self._make_ledger()
        self._loaded = False
        self._open: dict[str, Running] = {}
        self._again: list[str] = []
        self._reruns: set[str] = set()
        self._engines: dict[str, Mapping[str, Any]] = {}
        self._promised: dict[str, float | None] = {}
        self._tally = Tally(self.objective)
        self._planned: Plan | None = None
        # For subclasses that draw by keras-tuner's `_random_values`.
        self._seed_state = self.seed

    def get_space(self) -> keras_tuner.HyperParameters:
        """A copy of the search space; a journal that is there is read first.

        What a search that goes on recalls of its space is declared anew by whoever is given the copy.
        """
        with self._mutex:
            self._load()
            return recalled(self.hyperparameters, self._awaited) if self._awaited else super().get_space()

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Take hyperparameters into the space.

        Args:
            hyperparameters: With what a hypermodel has declared. Where the search was taken up again, a declaration
                that has changed takes the place of the recalled one.

        Raises:
            SpaceChanged: A hyperparameter is declared in a way that the search cannot go on with.
            RuntimeError: There is a new one, and `allow_new_entries` is False.
        """
        with self._mutex:
            for each in redeclared(self.hyperparameters, hyperparameters):
                if identity(each) in self._awaited:
                    followed(replace_declaration(self.hyperparameters, each), each)
                    if self.hyperparameters.is_active(each):
                        self.hyperparameters.values[each.name] = each.default
            if isinstance(hyperparameters, RecalledSpace):
                # What was declared now stands, as the first declaration of a name does.
                self._awaited &= hyperparameters.awaited
            super().update_space(hyperparameters)

    def reload(self) -> None:
        """Take up the search that the journal tells of, with what another process has added to it meanwhile."""
        with self._mutex:
            if self._loaded and not self._ledger.writing:
                self._begin()
            self._load()

    def save(self) -> None:
        """Nothing is left to save: the journal is written as the search goes."""

    def create_trial(self, tuner_id: str) -> Trial:
        """The next trial, or one to run again.

        Args:
            tuner_id: Who asks; who asks again before its trial has ended gets the same trial.

        Returns:
            A trial with the status "RUNNING"; "STOPPED" where the search is over, "IDLE" where a `populate_space` of
            a subclass waits for other trials.

        Raises:
            RunLocked: Another process searches in the same directory.
            OSError: The journal cannot be written.
        """
        with self._mutex:
            self._load()
            self._ledger.open(project_directory(self))
            if tuner_id in self.ongoing_trials:
                return self.ongoing_trials[tuner_id]
            trial = self._repeated() or self._new()
            if trial.status == "STOPPED":
                self.tuner_ids.discard(tuner_id)
                if not self.ongoing_trials:
                    self._ledger.close()
            if trial.status != "RUNNING":
                return trial
            self.tuner_ids.add(tuner_id)
            self.ongoing_trials[tuner_id] = trial
            return trial

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial, without starting it.

        `create_trial` asks for them here, so that a subclass may choose or change them; what it leaves out is chosen as
        ever.

        Args:
            trial_id: Id of the trial; has no influence.

        Returns:
            {"status": "RUNNING", "values": ...}, or the status "STOPPED" where every configuration was tried.
        """
        with self._mutex:
            self._planned = self._plan()
            if self._planned is None:
                return {"status": "STOPPED", "values": None}
            return {"status": "RUNNING", "values": dict(self._planned[0])}

    def update_trial(self, trial_id: str, metrics: Mapping[str, Any], step: int = 0) -> Trial:
        """Metrics of a trial that runs.

        Args:
            trial_id: Its id.
            metrics: Values by name; the objective must be among them. What is no number is left out.
            step: Epoch that they belong to, from 0.

        Returns:
            The trial.

        Raises:
            ValueError: The objective is not among them.
        """
        with self._mutex:
            trial = self.trials[trial_id]
            if trial_id not in self._open:  # It has ended; another process was given it meanwhile.
                return trial
            take_metrics(trial, self.objective, metrics, step)
            return trial

    def end_trial(self, trial: Trial | str = "", status: str = "COMPLETED", *, trial_id: str = "") -> None:
        """A trial has ended.

        Args:
            trial: With the status "COMPLETED", "INVALID" (it raised and may be run again) or "FAILED" (it may not);
                with any other it has completed if it has reported its objective. Or its id, as once in keras-tuner.
            status: The status, where there is the id only.
            trial_id: The id, by name.

        Raises:
            RuntimeError: As many trials in a row have failed as are allowed; all of them are kept.
            OSError: The journal cannot be written.
        """
        with self._mutex:
            if isinstance(trial, str):
                trial = copy.copy(self.trials[trial or trial_id])
                trial.status = status
            if trial.trial_id not in self._open:  # It has ended; another process was given it meanwhile.
                return
            # A result may come before the first request of a search that is taken up again.
            self._ledger.open(project_directory(self))
            if trial.trial_id in self._again:  # Whoever had it before the search was taken up again has finished it.
                self._again.remove(trial.trial_id)
            known = self.trials[trial.trial_id]
            known.hyperparameters, known.status, known.message = trial.hyperparameters, trial.status, trial.message
            self.update_space(known.hyperparameters)
            again = self._tally.judge(known, self.max_retries_per_trial)
            if known.status == "COMPLETED":
                self.score_trial(known)
                if known.score is None or not math.isfinite(known.score):
                    known.status, known.message = "INVALID", f"infeasible: the score was {known.score}."
            self._record(known, again)
            if again:
                self._again.append(known.trial_id)
                return
            self._finish(known)
            self._show(known)
            if known.status == "FAILED" and self._tally.failures >= self.max_consecutive_failed_trials:
                self._ledger.close()
                raise RuntimeError(
                    "Number of consecutive failures exceeded the limit of "
                    f"{self.max_consecutive_failed_trials}.\n{self._tally.failures} trials in a row have failed "
                    f"(max_consecutive_failed_trials). The last one:\n{known.message or ''}"
                )

    def give_back(self, trial_id: str) -> None:
        """A trial was not begun by who was given it; the next one who asks gets it.

        Args:
            trial_id: Its id.
        """
        with self._mutex:
            self._released(trial_id)
            self._again.append(trial_id)

    def note_engines(self, trial_id: str, engines: Mapping[str, Any]) -> None:
        """Keep with a trial that is about to end what trained it.

        Args:
            trial_id: Its id.
            engines: What `tuners.engine.choice.summary_of` gives, and "promised", the objective that a trial which was
                stopped would have reached: the search goes on with that in place of its score.
        """
        self._engines[trial_id], self._promised[trial_id] = engines, engines.get("promised")

    def note_search(self, facts: Mapping[str, Any]) -> None:
        """Keep with the search what it is of, for who reads it later; the day and the machine are added.

        Args:
            facts: Plain data by name, such as {"rows": 1437, "validation_rows": 180, "epochs": 20}.
        """
        self._ledger.about = {**circumstances(), **facts}
        self._take_facts(facts)

    def score_trial(self, trial: Trial) -> None:
        """Give a trial the score of its best epoch.

        Args:
            trial: A trial all of whose epochs are finite.
        """
        set_score(trial, self.objective)

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best trials, one per configuration, by the mean of its trials.

        The defaults come before what leads them by no more than luck: of the seeds, where trials were run again, and of
        the rows of validation, where their number is known and the objective is an accuracy.

        Args:
            num_trials: How many, >= 1.

        Returns:
            As many, the best first; where there are fewer, the others behind them, as keras-tuner does.
        """
        with self._mutex:
            if self.trials.keys() != set(self.start_order):  # Trials were put in or taken out by hand.
                by_keras_tuner: list[Trial] = super().get_best_trials(num_trials)
                return by_keras_tuner
            best = [self.start_order[number] for number in itertools.islice(self._planner.best(), num_trials)]
            if len(best) < num_trials:
                best += [trial_id for trial_id in self.start_order if trial_id not in best]
            return [self.trials[trial_id] for trial_id in best[:num_trials]]

    @property
    def undecided(self) -> int:
        """Trials that may still change which of the leaders is the best, where it is known that they come."""
        return 0 if self.stop_reason else self._limits.undecided(len(self.trials), len(self.end_order))

    @property
    def default(self) -> Trial | None:
        """The latest trial at the defaults, while what leads them may turn out to be no better; None after that."""
        number = self._planner.default()
        return None if self.stop_reason or number is None else self.trials[self.start_order[number]]

    @property
    def cube(self) -> Cube:
        """The space as it is now, each hyperparameter on its scale."""
        with self._mutex:
            self._planner.take_space(self._space())
            return self._planner.cube

    def is_rerun(self, trial_id: str) -> bool:
        """Whether a trial runs the values of an earlier one again."""
        return trial_id in self._reruns

    def _take_facts(self, facts: Mapping[str, Any]) -> None:
        self._planner.rows = facts.get("validation_rows") if is_rate(self.objective.name) else None

    def _known(self, earlier: Study | str | os.PathLike[str]) -> list[Known]:
        study = earlier if isinstance(earlier, Study) else Study.load(earlier)
        return known_trials(study, self.objective.name, self.objective.direction)

    # The start of a trial.

    def _plan(self) -> tuple[dict[str, Any], dict[str, float]] | None:
        self._planner.take_space(self._space())
        return self._planner.plan(len(self.trials), self._closing())

    @property
    def _limits(self) -> Limits:
        return Limits(self.max_trials, self.max_time, self.patience, self.reruns)

    def _closing(self) -> bool:
        """Whether the next trial is one of the last, in which the leaders and the defaults are run again."""
        return self._limits.closing(len(self.trials), self._ledger.elapsed, self._tally.best, self._planner.reruns)

    def _space(self) -> list[dict[str, Any]]:
        """Configurations of the hyperparameters."""
        space: list[dict[str, Any]] = self.hyperparameters.get_config()["space"]
        return space

    def _with_values(self, values: Mapping[str, Any]) -> keras_tuner.HyperParameters:
        if not self._awaited:
            return with_values(self.hyperparameters, values)
        space = recalled(self.hyperparameters, self._awaited)
        space.values = dict(values)
        return space

    def _duplicate(self, values: Mapping[str, Any]) -> bool:
        """Whether a trial has these values; asked by keras-tuner's `_random_values`, which subclasses may call."""
        tried = (each.hyperparameters.values for each in self.trials.values())
        return self._compute_values_hash(values) in map(self._compute_values_hash, tried)

    def _new(self) -> Trial:
        """The next trial, or one with a status that says why there is none."""
        number = len(self.trials)
        # Where records were damaged, a later trial may have the id of this number.
        free = (f"{each:04d}" for each in itertools.count(number))
        trial_id = next(each for each in free if each not in self.trials)
        compares = self._closing() and self._planner.to_compare
        self.stop_reason = self._limits.reached(number, self._ledger.elapsed, self._tally.best, compares)
        answer: Mapping[str, Any] = {"status": "STOPPED"} if self.stop_reason else self.populate_space(trial_id)
        if answer["status"] == "STOPPED":
            self._stop(self.stop_reason or "Every configuration of the search space has been tried.")
        if answer["status"] != "RUNNING":
            return Trial(super().get_space(), trial_id="", status=answer["status"])
        values, point = self._completed(answer.get("values") or {}, number)
        trial = Trial(self._with_values(values), trial_id=trial_id)
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self._start(trial, number, point)
        if number == 0 and self.verbose and not self._planner.initial:
            self._show_where_it_begins()
        return trial

    def _show_where_it_begins(self) -> None:
        undecided = begins_at_an_end(self._planner.cube)
        if undecided:
            named = ", ".join(f"{each.name} at {each.default:g}" for each in undecided)
            _LOG.info(
                f"Trial 1 is at the defaults: {named}, an end of a wide range. Say what you would try first, by "
                "default= of the hyperparameter or initial=[{...}] of the search: the first trials are better for it."
            )

    def _completed(self, values: Mapping[str, Any], number: int) -> Plan:
        planned, self._planned = self._planned, None
        if planned is not None and planned[0] == values:
            return planned
        self._planner.take_space(self._space())
        return self._planner.completed(values, number)

    def _start(self, trial: Trial, number: int, point: dict[str, float]) -> None:
        self._ledger.write_space(self._space())
        self._ledger.write_created(trial, number, point)
        self._take(trial.trial_id, number, trial.hyperparameters.values, point)
        self._open[trial.trial_id] = Running(number, point)
        # By this keras-tuner's display, and what asks it, numbers the trials.
        self._display.trial_number[trial.trial_id] = number + 1

    def _take(self, trial_id: str, number: int, values: Mapping[str, Any], point: Mapping[str, float]) -> None:
        self._planner.start(number, values, point)
        if self._planner.is_rerun(number):
            self._reruns.add(trial_id)

    def _repeated(self) -> Trial | None:
        if not self._again:
            return None
        trial = self.trials[self._again.pop(0)]
        # What an interrupted or failed run reported is not of this one.
        fresh = Trial(self._with_values(trial.hyperparameters.values), trial_id=trial.trial_id)
        self.trials[trial.trial_id] = fresh
        running = self._open[trial.trial_id]
        running.began = time.monotonic()
        self._planner.take_space(self._space())
        if not self._planner.holds(trial.hyperparameters.values):  # The space is another since it was begun.
            planned = self._plan()
            if planned is not None:
                fresh.hyperparameters = self._with_values(planned[0])
                self._start(fresh, running.number, planned[1])
        return fresh

    def _stop(self, reason: str) -> None:
        if self.max_trials is None or len(self.trials) < self.max_trials:
            if self.verbose:
                _LOG.info(reason)
            self._ledger.write_stopped(reason)
        self.stop_reason = reason

    # The end of a trial.

    def _record(self, trial: Trial, again: bool) -> None:
        running = self._open[trial.trial_id]
        self._ledger.write_space(self._space())
        self._ledger.write_ended(
            trial,
            running.number,
            running.point,
            runs=self._tally.runs[trial.trial_id],
            seconds=time.monotonic() - running.began,
            engines=self._engines.pop(trial.trial_id, {}),
            again=again,
        )
        self._released(trial.trial_id)

    def _released(self, trial_id: str) -> None:
        """Nobody has a trial any more."""
        for tuner_id, ongoing in list(self.ongoing_trials.items()):
            if ongoing.trial_id == trial_id:
                del self.ongoing_trials[tuner_id]

    def _finish(self, trial: Trial) -> None:
        """Let the zoom know; `trial` has a final status."""
        running = self._open.pop(trial.trial_id)
        self.end_order.append(trial.trial_id)
        if trial.status == "INVALID" and trial.score is None and trial.metrics.exists(self.objective.name):
            # As keras-tuner has it, for who prints the scores of all trials.
            trial.score = math.nan
        score = self._tally.count(trial, self.is_rerun(trial.trial_id))
        # Its values are taken anew: hyperparameters may have turned up while the model was built.
        self._planner.take_space(self._space())
        self._planner.start(running.number, trial.hyperparameters.values, running.point)
        promised = self._promised.pop(trial.trial_id, None)
        outlook = None if promised is None else gain_of(promised, self.objective.direction)
        self._planner.finish(running.number, score, loss_of(trial, self.objective), outlook)

    def _show(self, trial: Trial) -> None:
        if self.verbose:
            done = trial.status == "COMPLETED"
            score = f"{self.objective.name} {trial.score:.4g}" if done else trial.status.lower()
            best = self._tally.best
            known = f"; best so far {score_of(best.gain, self.objective.direction):.4g}" if best.found else ""
            _LOG.info(f"Trial {len(self.end_order)} of {self.max_trials or 'many'}: {score}{known}")

    # A search that goes on.

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        state = self._ledger.load(project_directory(self))
        if not state.trials:
            return
        self.seed = state.header.get("seed", self.seed)
        self._planner.strategy = dataclasses.replace(self._planner.strategy, seed=self.seed)
        if state.header:
            self._planner.earlier = known_from(state.header.get("earlier", ()))
            self._planner.sources = [
                Source(each["name"], tuple(known_from(each["trials"]))) for each in state.header.get("learned_from", ())
            ]
        self._take_facts(self._ledger.about or state.about)
        self._recall(state.space)
        for number, known in enumerate(state.trials.values()):
            self._restore(number, known)
        for trial_id in state.end_order:
            self._finish(self.trials[trial_id])
        self._again += state.unfinished

    def _recall(self, space: list[dict[str, Any]]) -> None:
        """The space of a search that goes on; what the user has given stands, as it does in a new search."""
        then = keras_tuner.HyperParameters.from_config({"space": space, "values": {}})
        for each in redeclared(then, self.hyperparameters):
            followed(next(one for one in then.space if identity(one) == identity(each)), each)
        given = {identity(each) for each in self.hyperparameters.space} - self._awaited
        self._awaited = {identity(each) for each in then.space} - given
        self.hyperparameters.merge(then, overwrite=False)
        self._planner.take_space(self._space())

    def _restore(self, number: int, known: TrialState) -> None:
        trial = revived(known, self.hyperparameters)
        self.trials[known.trial_id] = trial
        self.start_order.append(known.trial_id)
        self._tally.runs[known.trial_id] = known.runs
        self._open[known.trial_id] = Running(number, known.point)
        self._promised[known.trial_id] = known.engines.get("promised")
        self._take(known.trial_id, number, known.values, known.point)
