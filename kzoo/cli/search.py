"""`kzoo search MODEL --data DATA`: search a family's hyperparameters, or go on with a search."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kzoo
from kzoo.cli import arguments, summary
from kzoo.cli.console import Failure, bad_argument, console, describe, mendable, print_json, warn
from kzoo.cli.progress import SearchProgress
from kzoo.cli.quiet import import_tensorflow
from kzoo.cli.run import FILE, Run, Source, library_versions
from kzoo.cli.tuner import MAKER, WORKER, make_tuner
from kzoo.datasets.split import SHARE
from kzoo.zoo.registry import get_family
from tuners.parallel.cluster import check_address
from tuners.store.journal import JournalError

if TYPE_CHECKING:
    from kzoo.datasets import Dataset
    from tuners import CoarseToFineSearch


def search(
    model: Annotated[str, typer.Argument(help="A family of the zoo; kzoo models lists them.")],
    data: arguments.Data,
    trials: Annotated[int, typer.Option(min=1, help="Trials in all.")] = 30,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each trial.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the search.")] = 1,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="Directory; runs/MODEL-DATA if not given.")] = None,
    priority: Annotated[int, typer.Option(min=1, max=4, help="Highest priority to tune.")] = 3,
    fix: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Do not tune NAME.")] = None,
    range_: Annotated[
        list[str] | None, typer.Option("--range", metavar="NAME=LOW:HIGH", help="Change a range, or NAME=A,B a choice.")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="Metric to optimise: val_accuracy, val_loss, val_auc, val_f1, ...; of numbers val_r2, rmse, ..."
        ),
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Let every class weigh the same in training.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that train, with the cores divided; with --ray, at most.")
    ] = None,
    trial_timeout: Annotated[
        float | None, typer.Option(min=1e-3, metavar="SECONDS", help="Stop a trial after so long.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="End trials early that fall behind.")] = False,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Train on a Ray cluster, HOST:PORT or auto; RUN is shared.")
    ] = None,
    trial_cpus: Annotated[float, typer.Option(min=1, help="Cores of a trial, with --ray.")] = 1,
    trial_gpus: Annotated[float, typer.Option(min=0, help="GPUs of a trial, with --ray.")] = 0,
    engine: Annotated[str, typer.Option(help="auto, fit, graph or numpy.")] = "auto",
    target: arguments.Target = None,
    column: arguments.ColumnKinds = None,
    drop: arguments.Drop = None,
    keep: arguments.Keep = None,
    image_size: arguments.ImageSize = None,
    kind: arguments.Kind = None,
    validation_share: arguments.ValidationShare = SHARE,
    test_share: arguments.TestShare = SHARE,
    split_seed: arguments.SplitSeed = 1,
    group: arguments.Group = None,
    time: arguments.Time = None,
    part: arguments.Part = None,
    target_scale: arguments.TargetScale = None,
    as_json: arguments.Json = False,
) -> None:
    """Search a family's hyperparameters; a RUN that exists goes on where it stopped."""
    with bad_argument(hint="--fix"):
        fixed = arguments.fixed(fix or ())
    with bad_argument(hint="--range"):
        ranges = arguments.ranges(range_ or ())
    with bad_argument(hint="--image-size"):
        size = arguments.image_size(image_size)
    with bad_argument(hint="MODEL"):
        family = get_family(model)
    arguments.check_space(family.space, priority=priority, fixed=fixed, ranges=ranges)
    with bad_argument(hint="--ray"):
        check_address(ray or "auto")
    with bad_argument(hint="--column"):
        kinds = arguments.column_kinds(column or ())
    source = Source(
        *(_absolute(data), tuple(target or ()), size, kind, kinds, tuple(drop or ()), tuple(keep or ())),
        *(validation_share, test_share, split_seed, group, time, part, target_scale),
    )
    with bad_argument(hint="--data"):
        loaded = source.load()
    if not as_json:
        for remark in loaded.remarks:
            console().print(remark, markup=False, soft_wrap=True)
    with bad_argument(hint="--objective"):
        chosen = loaded.task.objective_named(objective or ("balanced_accuracy" if balance else loaded.task.objective))
    asked = Run(
        model=model,
        data=source,
        fingerprint=loaded.fingerprint,
        task=loaded.task,
        epochs=epochs,
        seed=seed,
        objective=chosen,
        priority=priority,
        fixed=fixed,
        ranges=ranges,
        versions=library_versions(),
        balance=balance,
    )
    directory = out or Path("runs", f"{model}-{Path(data).stem}")
    import_tensorflow()
    effort = Effort(trials, engine, prune, workers, trial_timeout, ray, trial_cpus, trial_gpus)
    _search(asked, directory, loaded, effort, as_json=as_json)


def _absolute(source: str) -> str:
    named = source in kzoo.list_datasets() or not Path(source).exists()
    return source if named else str(Path(source).absolute())


@dataclasses.dataclass(frozen=True)
class Effort:
    """How a search is run; it may be another when the search goes on."""

    trials: int
    engine: str
    prune: bool = False
    workers: int | None = None
    trial_timeout: float | None = None
    ray: str | None = None
    trial_cpus: float = 1.0
    trial_gpus: float = 0.0


def _search(asked: Run, directory: Path, data: Dataset, effort: Effort, *, as_json: bool) -> None:
    with bad_argument():
        hypermodel = asked.hypermodel()
    goes_on = _goes_on(directory, asked)
    tuner = make_tuner(hypermodel, asked, directory, trials=effort.trials, engine=effort.engine, prune=effort.prune)
    if not goes_on:
        with mendable(OSError):
            asked.write(directory)
    interrupted = _train(tuner, data, asked, directory, effort, quiet=as_json)
    study = summary.load(directory)
    if as_json:
        print_json(summary.record(directory, study))
    else:
        summary.show(directory, study)
    if interrupted:
        warn("\nInterrupted; the same command goes on where this stopped.")
        raise typer.Exit(130)
    if not study.completed:
        raise Failure(f"No trial of {len(study.trials)} gave a result; the reasons are above.")


def _goes_on(directory: Path, asked: Run) -> bool:
    """Whether the directory holds this search already.

    Raises:
        Failure: It holds something else.
    """
    if (directory / FILE).exists():
        different = asked.differences(Run.read(directory))
        if different:
            raise Failure(
                f"{directory} holds another search: {'; '.join(different)}. Choose another --out, or give the same "
                "arguments to go on with it."
            )
        return True
    if directory.exists() and not directory.is_dir():
        raise Failure(f"{directory} is a file; choose another --out.")
    if directory.is_dir() and any(directory.iterdir()):
        raise Failure(f"{directory} is not empty and holds no search of the kzoo command; choose another --out.")
    return False


def _train(
    tuner: CoarseToFineSearch, data: Dataset, asked: Run, directory: Path, effort: Effort, *, quiet: bool
) -> bool:
    """Run the search; True where it was interrupted from the keyboard."""
    oracle = tuner.oracle
    ended = [oracle.trials[name] for name in oracle.end_order]
    progress = SearchProgress(
        trials=effort.trials,
        finished=len(ended),
        objective=asked.objective,
        direction=oracle.objective.direction,
        scores=[trial.score for trial in ended if trial.status == "COMPLETED"],
        quiet=quiet,
    )
    tuner.observer = progress
    try:
        with progress:
            _work(tuner, data, asked, directory, effort)
    except KeyboardInterrupt:
        return True
    except (ModuleNotFoundError, ConnectionError, JournalError) as error:
        raise Failure(describe(error)) from None
    except RuntimeError as error:
        raise Failure(_shortened(str(error))) from None
    except OSError as error:
        raise Failure(f"{describe(error)} What was finished is kept; the same command goes on.") from None
    return False


def _shortened(message: str) -> str:
    """The first line of a message, and the last two, in which a traceback says what was wrong."""
    first, *rest = message.strip().splitlines()
    return " ".join([first, *(line.strip() for line in rest[-2:])])


def _work(tuner: CoarseToFineSearch, data: Dataset, asked: Run, directory: Path, effort: Effort) -> None:
    """Train the trials: here, in worker processes, or on a cluster."""
    arguments = [str(directory.absolute()), effort.engine, str(effort.trials), *(["prune"] if effort.prune else [])]
    if effort.ray is not None:
        from tuners.parallel.cluster import Needs, search_on_ray

        needs = Needs(effort.trial_cpus, effort.trial_gpus, effort.workers, effort.trial_timeout)
        search_on_ray(MAKER, arguments, address=effort.ray, observer=tuner.observer, needs=needs)
    elif (effort.workers or 1) > 1 or effort.trial_timeout is not None:
        import tuners
        from tuners.folds import facts_of_call

        tuner.oracle.verbose = 0
        asks = {"validation_data": (data.x_val, data.y_val), "epochs": asked.epochs}
        tuner.oracle.note_search(facts_of_call((data.x_train, data.y_train), asks, None, 1))
        command = [sys.executable, "-m", WORKER, *arguments]
        tuners.search_in_processes(tuner, command, workers=effort.workers or 1, trial_timeout=effort.trial_timeout)
    else:
        validation = (data.x_val, data.y_val)
        tuner.search(data.x_train, data.y_train, validation_data=validation, epochs=asked.epochs, verbose=0)
