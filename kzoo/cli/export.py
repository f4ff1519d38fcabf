"""`kzoo export RUN --name NAME`: the best model of a search, for TensorFlow Serving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import kzoo
from kzoo.cli import arguments, summary
from kzoo.cli.console import Failure, bad_argument, command, console, mendable, print_json, warn
from kzoo.cli.quiet import import_tensorflow
from kzoo.cli.run import Run, is_own
from kzoo.cli.shown import number, shown_name, shown_value
from kzoo.export.errors import ExportError
from kzoo.export.formats.runtimes import known_formats
from kzoo.export.layout import FORMATS, REQUEST, SERVED_NAME, SERVED_NAME_RULE
from kzoo.serving.errors import ServingError
from kzoo.serving.releases import write_current_configuration

if TYPE_CHECKING:
    import keras

    from tuners import Study, TrialRecord

EXAMPLES = 64
"""Training rows that the saved model is checked on."""


def export(
    run: arguments.RunDirectory,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name to serve it under.")],
    to: arguments.Exports = arguments.EXPORTS,
    trial: Annotated[int | None, typer.Option(help="Number of a trial; the best if not given.")] = None,
    smallest_within: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PERCENT",
            help="The trial with the fewest weights that is so close to the best.",
        ),
    ] = None,
    refit: Annotated[bool, typer.Option("--refit", help="Train it again, on validation rows too.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="With --refit: models to train; their answers are averaged.")] = 1,
    top: Annotated[
        int, typer.Option(min=1, metavar="K", help="Average the best K trials, weighted by the validation rows.")
    ] = 1,
    trust: Annotated[bool, typer.Option("--trust", help="Run the FILE.py of a model of your own.")] = False,
    fold: Annotated[bool, typer.Option(help="Fold batch norm and normalisation: answers faster.")] = True,
    formats: Annotated[
        str,
        typer.Option("--format", metavar="FORMATS", help="Other formats besides: onnx, litert, openvino, with commas."),
    ] = "",
    as_json: arguments.Json = False,
) -> None:
    """Export the best model of a search as a SavedModel that TensorFlow Serving takes.

    Example: kzoo export runs/mlp-digits --name digits-mlp --refit
    """
    if not SERVED_NAME.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r} cannot be the name of a served model: {SERVED_NAME_RULE}.",
            param_hint="--name",
        )
    if seeds > 1 and not refit:
        raise typer.BadParameter("several seeds need models trained again; add --refit.", param_hint="--seeds")
    if top > 1 and (trial is not None or refit):
        raise typer.BadParameter(
            "the best trials are averaged as they are; leave --trial and --refit out.", param_hint="--top"
        )
    if smallest_within is not None and (trial is not None or top > 1):
        raise typer.BadParameter("it chooses one trial; leave --trial and --top out.", param_hint="--smallest-within")
    others = _formats(formats)
    study = summary.load(run)
    asked = Run.read(run)
    chosen = _chosen(study, trial, run) if smallest_within is None else _small(study, smallest_within, run)
    if is_own(asked.model) and not trust:
        raise Failure(
            f"{run} was made with {asked.model}, a program that export has to run: look at it, and pass --trust."
        )
    if top > 1:
        _check_shares(asked)
    with mendable(kzoo.DataError):
        data = asked.load_data()
    import_tensorflow()
    shares = {chosen.number: 1.0}
    if top > 1:
        model, training, shares = _together(asked, run, study, data, top)
    else:
        model, training = _model(asked, run, chosen, data, refitted=refit, seeds=seeds)
    runs = len(study.runs_of(chosen))
    if smallest_within is not None:
        training += f"; {chosen.parameters:,} weights, the fewest within {smallest_within:g} % of the best"
    if trial is None and top == 1 and runs > 1:
        training += f"; chosen by the mean of {runs} runs"
    parts = {"test": (data.x_test, data.y_test)}
    if not refit and asked.folds is None:
        # Rows that a model has been trained on do not tell how good it is.
        parts = {"validation": (data.x_val, data.y_val), **parts}
    metrics = {part: model.evaluate(x, y, verbose=0, return_dict=True) for part, (x, y) in parts.items()}
    with mendable(kzoo.ExportError, ServingError, OSError):
        path = kzoo.export_model(
            model,
            to / name,
            task=asked.task,
            examples=data.x_train[:EXAMPLES],
            # Several trials have no one value of each.
            card=_card(asked, chosen if len(shares) == 1 else None, data, metrics, training),
            fold=fold,
            formats=others,
        )
        write_current_configuration(path.parent)
    if as_json:
        record = {"path": str(path), "trial": chosen.number, "shares": shares, "training": training}
        print_json({**record, "metrics": metrics})
    else:
        _show(path, training, metrics)


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, map(str.strip, text.split(","))))
    try:
        known_formats(names)
    except ExportError as error:
        raise typer.BadParameter(str(error), param_hint="--format") from None
    return names


def _chosen(study: Study, trial: int | None, run: Path) -> TrialRecord:
    if trial is None:
        if not study.best:
            raise Failure(f"{run}: no trial has given a result yet.")
        return study.best[0]
    found = [each for each in study.completed if each.number == trial]
    if not found:
        numbers = ", ".join(str(each.number) for each in study.best[:3]) or "none"
        raise typer.BadParameter(f"No trial {trial} has a result; the best are {numbers}.", param_hint="--trial")
    return found[0]


def _small(study: Study, percent: float, run: Path) -> TrialRecord:
    from tuners.insight import smallest_within
    from tuners.store.checkpoints import kept_trials

    _chosen(study, None, run)
    with bad_argument(hint="--smallest-within"):
        return smallest_within(study, percent / 100, kept_trials(run))


def _trained(asked: Run, run: Path, trial: TrialRecord) -> keras.Model:
    import keras_tuner

    from tuners import CheckpointError, Study
    from tuners.store.checkpoints import kept_trials, load_weights

    kept = kept_trials(run)
    if trial.trial_id not in kept:
        there = [str(each.number) for each in Study.load(run).trials if each.trial_id in kept]
        raise Failure(f"The weights of trial {trial.number} are not kept; those of {', '.join(there) or 'none'} are.")

    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.values = dict(trial.values)
    with mendable(CheckpointError, ValueError):
        model = asked.hypermodel().build(hyperparameters)
        load_weights(run, trial.trial_id, model)
    return model


def _model(
    asked: Run, run: Path, trial: TrialRecord, data: kzoo.Dataset, *, refitted: bool, seeds: int
) -> tuple[keras.Model, str]:
    """The model to export, and how its weights came about."""
    found = f"trial {trial.number} of a search"
    own = f"{found}, epoch {trial.best_epoch} of {asked.epochs}"
    if not refitted:
        model = _trained(asked, run, trial)
        return model, own if asked.folds is None else f"{own}, the best of {asked.folds} folds"
    with mendable(FloatingPointError):
        again = kzoo.retrain(
            asked.hypermodel(),
            trial.values,
            data,
            epochs=asked.epochs,
            best_epoch=trial.best_epoch or 1,
            seeds=range(1, seeds + 1),
            # Cross-validation keeps the weights of a fold, which have seen most of the validation rows.
            found=_trained(asked, run, trial) if asked.folds is None else None,
        )
    how = f"{found}, trained again for {again.epochs} epochs on training and validation rows"
    if seeds > 1:
        how += f"; the mean of {seeds} models, since no rows are left to choose the best by"
    if again.with_found and again.found is not None:
        losses = f"{number(again.rehearsed)}, not {number(again.found)}"
        how += f"; averaged with the search's own weights, since a rehearsal on fewer rows had the loss {losses}"
    return again.model, how


def _check_shares(asked: Run) -> None:
    """Refuse to average trials where no rows can tell their shares.

    Raises:
        BadParameter: There are none.
    """
    if asked.folds is not None:
        raise typer.BadParameter(
            "each fold has been trained on most of the validation rows, so that none are left to choose shares by; "
            "leave it out.",
            param_hint="--top",
        )
    if asked.objective not in asked.task.objectives:
        raise typer.BadParameter(
            f"shares cannot be chosen by {asked.objective}, which {asked.model_name} defines itself; leave it out.",
            param_hint="--top",
        )


def _together(
    asked: Run, run: Path, study: Study, data: kzoo.Dataset, top: int
) -> tuple[keras.Model, str, dict[int, float]]:
    """The best trials as one model, how it came about, and the share of each by its number."""
    from tuners.store.checkpoints import kept_trials

    kept = kept_trials(run)
    trials = [each for each in study.best if each.trial_id in kept][:top]
    if len(trials) < top:
        warn(f"Of the {top} best trials asked for there are the weights of {len(trials)}.")
    found = kzoo.ensemble([_trained(asked, run, each) for each in trials], data, objective=asked.objective)
    shares = {each.number: weight for each, weight in zip(trials, found.weights, strict=True) if weight}
    how = f"the mean of trials of a search, by shares chosen on the validation rows: {_listed(shares)}"
    return found.model, how, shares


def _listed(shares: dict[int, float]) -> str:
    return ", ".join(f"trial {number} {share:.0%}" for number, share in shares.items())


def _card(
    asked: Run, trial: TrialRecord | None, data: kzoo.Dataset, metrics: dict[str, dict[str, float]], training: str
) -> kzoo.ModelCard:
    values = trial.values if trial is not None else {}
    return kzoo.ModelCard.of(
        data,
        family=asked.model_name,
        hyperparameters={shown_name(name): shown_value(name, value) for name, value in values.items()},
        metrics=metrics,
        training=training,
    )


def _show(path: Path, training: str, metrics: dict[str, dict[str, Any]]) -> None:
    out = console()
    out.print(f"{training[0].upper()}{training[1:]}.", markup=False)
    out.print(f"Exported to {path}", markup=False, soft_wrap=True)
    for part, values in metrics.items():
        line = ", ".join(f"{name} {number(float(value), 4)}" for name, value in values.items())
        out.print(f"{part:>10}: {line}", markup=False)
    others = sorted(file.name for file in (path / FORMATS).glob("*"))
    if others:
        out.print(f"Other formats, in {path / FORMATS}: {', '.join(others)}", markup=False, soft_wrap=True)
    to = path.parent.parent
    elsewhere = () if to == arguments.EXPORTS else ("--to", to)
    out.print(f"\nNext: {command('kzoo', 'predict', path.parent, path.parent / REQUEST)}", markup=False, soft_wrap=True)
    out.print(f"      {command('kzoo', 'serve', path.parent.name, *elsewhere)}", markup=False, soft_wrap=True)
