"""Importances of hyperparameters beside Optuna's, on searches of the zoo: how alike their orders are.

pip install optuna
kzoo search mlp --data digits --seed 1 --epochs 20 --trials 60 --out RUN
python tests/benchmarks/importances.py RUN [RUN ...]

Hyperparameters that apply to every trial, since Optuna's ways know no others; rank correlations.
"""

import sys
from pathlib import Path

import optuna
from optuna import distributions
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from scipy.stats import spearmanr

import tuners
from tuners.insight.importance import importances
from tuners.insight.response import one_thread, response_of


def distribution(dimension):
    if dimension.values:
        return distributions.CategoricalDistribution(list(dimension.values))
    kind = distributions.IntDistribution if dimension.whole else distributions.FloatDistribution
    number = int if dimension.whole else float
    return kind(number(dimension.low), number(dimension.high), log=dimension.scale == "log")


def in_optuna(study):
    """The study as Optuna's."""
    always = [each for each in study.cube().dimensions if not each.conditions and len(each.values) != 1]
    known = {each.name: distribution(each) for each in always}
    made = optuna.create_study(direction="maximize" if study.direction == "max" else "minimize")
    for trial in study.completed:
        values = {name: trial.values[name] for name in known}
        made.add_trial(optuna.trial.create_trial(params=values, distributions=known, value=trial.score))
    return made


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"Optuna {optuna.__version__}")
    for run in sys.argv[1:]:
        study = tuners.Study.load(run)
        with one_thread():
            ours = {each.name: each.share for each in importances(response_of(study))}
        for evaluator in (FanovaImportanceEvaluator(seed=0), PedAnovaImportanceEvaluator()):
            theirs = get_param_importances(in_optuna(study), evaluator=evaluator)
            names = [name for name in theirs if name in ours]
            alike = spearmanr([ours[name] for name in names], [theirs[name] for name in names])[0]
            print(f"{Path(run).name}: {type(evaluator).__name__} {alike:.2f}", flush=True)


if __name__ == "__main__":
    main()
