"""Importances of hyperparameters beside Optuna's, on searches of the zoo: how alike their orders are.

pip install optuna
kzoo search mlp --data digits --seed 1 --epochs 20 --trials 60 --out RUN
python tests/benchmarks/importances.py RUN [RUN ...]

Hyperparameters that apply to every trial, since Optuna's ways know no others. Rank correlations: of ours with its
fANOVA, with fANOVA of the scores as our model has them, their bad tail drawn in, and with its PED-ANOVA; then of
what Optuna gives with itself: fANOVA of two seeds, and fANOVA with PED-ANOVA.
"""

import sys
from pathlib import Path

import numpy as np
import optuna
from optuna import distributions
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from scipy.stats import spearmanr

import tuners
from tuners.insight.importance import importances
from tuners.insight.response import response_of
from tuners.strategy.scores import gain_of, score_of
from tuners.threads import one_thread


def distribution(dimension):
    if dimension.values:
        return distributions.CategoricalDistribution(list(dimension.values))
    kind = distributions.IntDistribution if dimension.whole else distributions.FloatDistribution
    number = int if dimension.whole else float
    return kind(number(dimension.low), number(dimension.high), log=dimension.scale == "log")


def in_optuna(study, scores):
    """The study as Optuna's, with these scores for its trials."""
    always = [each for each in study.cube().dimensions if not each.conditions and len(each.values) != 1]
    known = {each.name: distribution(each) for each in always}
    made = optuna.create_study(direction="maximize" if study.direction == "max" else "minimize")
    for trial, score in zip(study.completed, scores, strict=True):
        values = {name: trial.values[name] for name in known}
        made.add_trial(optuna.trial.create_trial(params=values, distributions=known, value=score))
    return made


def compared(run):
    """Rank correlations by what was compared, and the most important hyperparameter by ours and by fANOVA."""
    study = tuners.Study.load(run)
    with one_thread():
        ours = {each.name: each.share for each in importances(response_of(study))}
    scores = [trial.score for trial in study.completed]
    gains = np.array([gain_of(score, study.direction) for score in scores])
    floor = np.median(gains) - 1.5 * max(gains.max() - np.median(gains), 0.1 * gains.std())
    tail = [score_of(gain, study.direction) for gain in np.maximum(gains, floor)]
    fanova = get_param_importances(in_optuna(study, scores), evaluator=FanovaImportanceEvaluator(seed=0))
    again = get_param_importances(in_optuna(study, scores), evaluator=FanovaImportanceEvaluator(seed=1))
    drawn_in = get_param_importances(in_optuna(study, tail), evaluator=FanovaImportanceEvaluator(seed=0))
    ped = get_param_importances(in_optuna(study, scores), evaluator=PedAnovaImportanceEvaluator())
    names = [name for name in fanova if name in ours]
    pairs = ((ours, fanova), (ours, drawn_in), (ours, ped), (fanova, again), (fanova, ped))
    alike = [spearmanr([one[name] for name in names], [other[name] for name in names])[0] for one, other in pairs]
    return alike, max(names, key=ours.get), max(names, key=fanova.get), max(names, key=drawn_in.get)


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"Optuna {optuna.__version__}")
    print("| search | fANOVA | its tail drawn in | PED-ANOVA | fANOVA of two seeds | fANOVA and PED-ANOVA | first by |")
    for run in sys.argv[1:]:
        alike, *first = compared(run)
        print(f"| {Path(run).name} | {' | '.join(f'{each:.2f}' for each in alike)} | {', '.join(first)} |", flush=True)


if __name__ == "__main__":
    main()
