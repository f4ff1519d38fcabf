"""The searches that are compared, all with `ask() -> values` and `tell(values, score)`; more is better."""

import tempfile
import warnings
from collections.abc import Callable

import keras_tuner
import numpy as np
from surrogate import search_space

import tuners
from tuners.private_apis import set_project_directory

SCORE = keras_tuner.Objective("score", "max")


class OfOracle:
    """A keras-tuner oracle, asked as a tuner asks it, one worker for each trial that runs."""

    def __init__(self, oracle: keras_tuner.Oracle) -> None:
        self.oracle = oracle
        oracle.verbose = 0
        self.directory = tempfile.TemporaryDirectory()
        set_project_directory(oracle, self.directory.name)
        self.running = {}

    def ask(self):
        who = next(str(number) for number in range(10**6) if str(number) not in self.oracle.ongoing_trials)
        trial = self.oracle.create_trial(who)
        return trial, self.values(trial.hyperparameters.values)

    def values(self, values):
        return values

    def tell(self, trial, score):
        self.oracle.update_trial(trial.trial_id, {"score": score})
        trial.status = "COMPLETED"
        self.oracle.end_trial(trial)


class RightScale(OfOracle):
    """keras-tuner's oracles draw the complement of momentum, since they know no scale of 1 - momentum."""

    def values(self, values):
        return {**values, "momentum": 1 - values["one_minus_momentum"]}


def complement_space() -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    for each in search_space().space:
        if each.name == "momentum":
            hp.Float("one_minus_momentum", 0.01, 0.9, sampling="log")
        else:
            hp.merge([each])
    return hp


class Optuna:
    def __init__(self, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))

    def ask(self):
        trial = self.study.ask()
        return trial, {
            "batch_size": trial.suggest_int("batch_size", 16, 512, log=True),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            "momentum": 1 - trial.suggest_float("one_minus_momentum", 0.01, 0.9, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-1),
            "num_layers": trial.suggest_int("num_layers", 1, 5),
            "max_units": trial.suggest_int("max_units", 64, 1024, log=True),
            "max_dropout": trial.suggest_float("max_dropout", 0.0, 1.0),
        }

    def tell(self, trial, score):
        self.study.tell(trial, score)


class Hyperopt:
    def __init__(self, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from hyperopt import Trials, hp, tpe
            from hyperopt.base import Domain
        log = np.log
        space = {
            "batch_size": hp.qloguniform("batch_size", log(15.5), log(512.4), 1),
            "learning_rate": hp.loguniform("learning_rate", log(1e-4), log(1e-1)),
            "one_minus_momentum": hp.loguniform("one_minus_momentum", log(0.01), log(0.9)),
            "weight_decay": hp.uniform("weight_decay", 1e-5, 1e-1),
            "num_layers": hp.quniform("num_layers", 0.5, 5.4, 1),
            "max_units": hp.qloguniform("max_units", log(63.5), log(1024.4), 1),
            "max_dropout": hp.uniform("max_dropout", 0, 1),
        }
        self.tpe, self.domain, self.trials = tpe, Domain(lambda values: 0.0, space), Trials()
        self.rng = np.random.default_rng(seed)

    def ask(self):
        from hyperopt import JOB_STATE_RUNNING

        number = self.trials.new_trial_ids(1)
        self.trials.refresh()
        documents = self.tpe.suggest(number, self.domain, self.trials, int(self.rng.integers(2**31)))
        self.trials.insert_trial_docs(documents)
        self.trials.refresh()
        document = self.trials._dynamic_trials[-1]  # noqa: SLF001 - hyperopt has no public ask and tell
        document["state"] = JOB_STATE_RUNNING
        values = {name: value[0] for name, value in document["misc"]["vals"].items()}
        values["momentum"] = 1 - values.pop("one_minus_momentum")
        return document, {name: round(value) if name in WHOLE else value for name, value in values.items()}

    def tell(self, document, score):
        from hyperopt import JOB_STATE_DONE, STATUS_OK

        document["state"] = JOB_STATE_DONE
        document["result"] = {"loss": -score, "status": STATUS_OK}
        self.trials.refresh()


WHOLE = ("batch_size", "num_layers", "max_units")


def ours(seed: int, **options) -> OfOracle:
    oracle = tuners.CoarseToFineOracle(
        SCORE, None, seed, search_space(), scales={"momentum": "one_minus_log"}, **options
    )
    return OfOracle(oracle)


def theirs(kind: type, seed: int) -> RightScale:
    return RightScale(kind(objective=SCORE, max_trials=10**6, seed=seed * 1000 + 1, hyperparameters=complement_space()))


SEARCHERS: dict[str, Callable[[int], object]] = {
    "kzoo": ours,
    "kzoo, model-free": lambda seed: ours(seed, ranking=False),
    "Optuna TPE": Optuna,
    "hyperopt TPE": Hyperopt,
    "KerasTuner RandomSearch": lambda seed: theirs(keras_tuner.oracles.RandomSearchOracle, seed),
    "KerasTuner BayesianOptimization": lambda seed: theirs(keras_tuner.oracles.BayesianOptimizationOracle, seed),
}
