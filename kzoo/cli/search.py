"""`kzoo search MODEL --data DATA`: search a family's hyperparameters, or go on with a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import kzoo
from kzoo.cli import arguments, known, summary, understood
from kzoo.cli.console import Failure, bad_argument, console, mendable, print_json, warn
from kzoo.cli.effort import Effort
from kzoo.cli.quiet import import_tensorflow
from kzoo.cli.run import FILE, Run, parts_of
from kzoo.cli.shown import counted
from kzoo.cli.source import Source, asked_source
from kzoo.cli.training import train
from kzoo.cli.tuner import make_tuner
from kzoo.cli.wish import Wish
from kzoo.datasets.split import SHARE
from tuners.parallel.cluster import check_address
from tuners.store.journal import FILE as JOURNAL

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from tuners import Study

ENGINES = ("auto", "fit", "graph", "numpy", "population")
"""Of `tuners.engine.choice`, which cannot be read without TensorFlow; the last is an earlier name."""

SEED = 1

ZOO_ONLY = "is for models that declare their hyperparameters with kzoo; say it in {file} itself."


def search(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A family (kzoo models lists them), or FILE.py:NAME of your own.")
    ],
    data: arguments.Data,
    target: arguments.Target = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all.")] = 30,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each trial.")] = 20,
    max_time: arguments.MaxTime = None,
    patience: Annotated[
        int | None, typer.Option(min=1, metavar="TRIALS", help="Stop after so many in a row without a new best.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Directory; runs/MODEL-DATA if not given.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**31 - 1, show_default=False, help=f"Seed, {SEED} if not given; with one, one process."
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="accuracy, log_loss, auc, pr_auc, f1, ...; of numbers rmse, mae, r2."),
    ] = None,
    as_json: arguments.Json = False,
    fix: arguments.Fix = None,
    range_: arguments.Range = None,
    priority: Annotated[int, arguments.tuned(min=1, max=4, help="Highest priority to tune.")] = 3,
    earlier: Annotated[
        Path | None,
        arguments.tuned(metavar="RUN", help="Begin with what this search found."),
    ] = None,
    learn_from: Annotated[
        list[Path] | None,
        arguments.tuned(metavar="DIR", help="Learn from searches on other data: a RUN, or what holds RUNs."),
    ] = None,
    max_weights: Annotated[
        int | None, arguments.tuned(min=1, metavar="N", help="Train no model with more weights than that.")
    ] = None,
    balance: Annotated[bool, arguments.trained("--balance", help="Every class weighs the same.")] = False,
    folds: Annotated[int | None, arguments.trained(min=2, help="Cross-validate each trial.")] = None,
    executions: Annotated[int, arguments.trained(min=1, help="Train each trial so often.")] = 1,
    reruns: Annotated[
        int | None, arguments.trained(min=0, help="Last trials that run the leaders again; a tenth if not given.")
    ] = None,
    prune: Annotated[bool, arguments.trained("--prune", help="End trials early in the worse half.")] = False,
    trial_timeout: Annotated[
        float | None,
        arguments.trained(min=1e-3, metavar="SECONDS", help="End a trial then."),
    ] = None,
    workers: Annotated[
        str, arguments.trained(metavar="N", help="Processes that train, or auto: as many as pay.")
    ] = "auto",
    engine: Annotated[str, arguments.trained(help="auto, fit, graph or numpy.")] = "auto",
    ray: Annotated[
        str | None,
        arguments.trained(metavar="HOST:PORT", help="Train on a Ray cluster, or auto."),
    ] = None,
    trial_cpus: Annotated[float, arguments.trained(min=1, help="Cores of a trial, with --ray.")] = 1,
    trial_gpus: Annotated[float, arguments.trained(min=0, help="GPUs of a trial, with --ray.")] = 0,
    tensorboard: Annotated[
        Path | None, arguments.trained(metavar="DIR", help="Write what TensorBoard shows, as trials go on.")
    ] = None,
    column: arguments.ColumnKinds = None,
    drop: arguments.Drop = None,
    keep: arguments.Keep = None,
    missing: arguments.Missing = None,
    image_size: arguments.ImageSize = None,
    kind: arguments.Kind = None,
    validation_share: arguments.ValidationShare = SHARE,
    test_share: arguments.TestShare = SHARE,
    split_seed: arguments.SplitSeed = 1,
    group: arguments.Group = None,
    time: arguments.Time = None,
    part: arguments.Part = None,
    target_scale: arguments.TargetScale = None,
    merge_rare: arguments.MergeRare = None,
) -> None:
    """Search a model's hyperparameters; a RUN that exists goes on where it stopped.

    Example: kzoo search mlp --data people.csv --target income --max-time 30m
    """
    with bad_argument(hint="--fix"):
        fixed = arguments.fixed(fix or ())
    with bad_argument(hint="--range"):
        ranges = arguments.ranges(range_ or ())
    with bad_argument(hint="--ray"):
        check_address(ray or "auto")
    with bad_argument(hint="--max-time"):
        limit = arguments.duration(max_time)
    with bad_argument(hint="--workers"):
        processes = arguments.workers(workers)
    if engine not in ENGINES:
        raise typer.BadParameter(f"is {engine!r}; expected one of {', '.join(ENGINES[:4])}.", param_hint="--engine")
    if prune and (folds or executions > 1):
        raise typer.BadParameter("compares single trainings; leave --folds and --executions out.", param_hint="--prune")
    if not ray and (trial_cpus > 1 or trial_gpus):
        raise typer.BadParameter("is for --ray; leave it out.", param_hint="--trial-cpus, --trial-gpus")
    if folds and time:
        raise typer.BadParameter("mixes rows that --time keeps apart; leave one out.", param_hint="--folds")
    source = asked_source(
        _absolute(data),
        target=target,
        column=column,
        drop=drop,
        keep=keep,
        missing=missing,
        image_size=image_size,
        kind=kind,
        validation_share=validation_share,
        test_share=test_share,
        split_seed=split_seed,
        group=group,
        time=time,
        part=part,
        target_scale=target_scale,
        merge_rare=merge_rare,
    )
    if tensorboard is not None:
        # Found out now, and not by every trial.
        with mendable(OSError):
            tensorboard.mkdir(parents=True, exist_ok=True)
    board = None if tensorboard is None else str(tensorboard.absolute())
    effort = Effort(
        trials, engine, prune, processes, trial_timeout, ray, trial_cpus, trial_gpus, limit, patience, board, reruns
    )
    if seed is not None:
        # Which trial ends first is nobody's choice, and later ones depend on it.
        effort = dataclasses.replace(effort, alone=f"--seed {seed} is to give the same trials again")
    past = tuple(str(each.absolute()) for each in learn_from or ())
    seed = SEED if seed is None else seed
    wish = Wish(
        model, epochs, seed, objective, priority, fixed, ranges, folds, executions, earlier, past, max_weights, balance
    )
    _search(wish, source, out, effort, as_json=as_json)


def _absolute(source: str) -> str:
    named = not source or source in kzoo.list_datasets() or not Path(source).exists()
    return source if named else str(Path(source).absolute())


def _search(wish: Wish, source: Source, out: Path | None, effort: Effort, *, as_json: bool) -> None:
    said: dict[str, str] = {}

    def say(lines: Mapping[str, str]) -> None:
        said.update(lines)
        if not as_json:
            understood.say(lines)

    family, lines = wish.check()
    file, _ = parts_of(wish.model)
    if family is None and not file.is_file():
        raise typer.BadParameter(f"{file}: no such file.", param_hint="MODEL")
    say(lines)
    with bad_argument(hint="--data"):
        data = source.load()
    say(understood.of_data(data))
    if not as_json:
        for remark in data.remarks:
            console().print(remark, markup=False, soft_wrap=True)
    if family is not None:
        say(wish.tuned(family, data.task))
    metrics = _own_metrics(wish, data, say) if family is None else None
    asked = wish.run(source, data, metrics)
    directory = out or Path("runs", f"{file.stem}-{Path(source.source).stem}")
    goes_on = _goes_on(directory, asked)
    if asked.earlier:
        known.check_earlier(Path(asked.earlier), asked)
    learned = known.learned(asked) if asked.learn_from and not goes_on else {}
    before = summary.load(directory) if goes_on and (directory / JOURNAL).exists() else None
    say(understood.of_search(asked, directory, effort, before))
    say(learned)
    interrupted = _run(asked, directory, data, effort, before, goes_on=goes_on, quiet=as_json)
    read = {"understood": said, "remarks": list(data.remarks)} if as_json else None
    _end(directory, interrupted=interrupted, read=read)


def _end(directory: Path, *, interrupted: bool, read: Mapping[str, Any] | None) -> None:
    """Say what was found: as JSON with what was read, where that is given."""
    study = summary.load(directory)
    if read is not None:
        print_json({**summary.record(directory, study), **read})
    else:
        console().print()
        summary.show(directory, study)
    if interrupted:
        warn(f"\nInterrupted: {_kept(directory, study)}; the same command goes on.")
        raise typer.Exit(130)
    if not study.completed:
        raise Failure(f"None of {counted(len(study.trials), 'trial')} gave a result; the reasons are above.")


def _own_metrics(wish: Wish, data: Dataset, say: Any) -> list[str] | None:
    """What a model of the user's own records; None where it is a family after all."""
    import_tensorflow()
    from kzoo.cli import own_model

    found = own_model.load(wish.model)
    if own_model.is_family(found):
        say(wish.tuned(found, data.task))
        return None
    for option, given in (("--fix", wish.fixed), ("--range", wish.ranges), ("--balance", wish.balance)):
        if given:
            raise typer.BadParameter(ZOO_ONLY.format(file=parts_of(wish.model)[0]), param_hint=option)
    hypermodel = own_model.hypermodel_of(found, data.task, wish.model)
    metrics, names = own_model.tried(hypermodel, data, wish.model)
    say({"tuned": ", ".join(names) or "nothing"})
    return metrics


def _run(
    asked: Run, directory: Path, data: Dataset, effort: Effort, before: Study | None, *, goes_on: bool, quiet: bool
) -> bool:
    """Run the search; whether it was interrupted."""
    # On the screen until the first trial begins: TensorFlow takes its seconds.
    with console(stderr=True, quiet=quiet).status("Loading TensorFlow"):
        import_tensorflow()
    with bad_argument():
        hypermodel = asked.hypermodel()
    tuner = make_tuner(hypermodel, asked, data, directory, effort)
    if not goes_on:
        with mendable(OSError):
            asked.write(directory)
    return train(tuner, data, asked, directory, effort, elapsed=before.elapsed if before else 0.0, quiet=quiet)


def _kept(directory: Path, study: Study) -> str:
    """What an interrupted search keeps, and what it does not."""
    begun = [trial.number for trial in study.trials if trial.status == "RUNNING"]
    ended = counted(len(study.trials) - len(begun), "trial")
    again = f"; trial {', '.join(map(str, begun))} will begin again" if begun else ""
    return f"{directory} keeps the {ended} that ended{again}"


def _goes_on(directory: Path, asked: Run) -> bool:
    """Whether the directory holds this search already.

    Raises:
        Failure: It holds something else, or cannot be looked into.
    """
    with mendable(OSError):
        if (directory / FILE).exists():
            before = Run.read(directory)
            different = asked.differences(before)
            if different:
                raise Failure(
                    f"{directory} holds another search: {'; '.join(different)}. Choose another --out, or give the same "
                    "arguments to go on with it."
                )
            if asked.code != before.code:
                warn(f"{asked.model_name} has changed since the search began: later trials may not compare with those.")
            return True
        if directory.exists() and not directory.is_dir():
            raise Failure(f"{directory} is a file; choose another --out.")
        if directory.is_dir() and any(directory.iterdir()):
            raise Failure(f"{directory} is not empty and holds no search of the kzoo command; choose another --out.")
        # Found out now, and not after TensorFlow has been loaded.
        directory.mkdir(parents=True, exist_ok=True)
    return False
