"""The description of a run: `RUN/kzoo.json`, written when a search starts and read by the commands after it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.cli.console import Failure, command, describe
from kzoo.cli.source import Source
from kzoo.cli.typed import check_types
from kzoo.datasets import Dataset
from kzoo.files import read_json, write_text
from kzoo.task import Task

if TYPE_CHECKING:
    import keras_tuner

FILE = "kzoo.json"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """A search as it was asked for.

    Attributes:
        model: Name of the family, or "/path/of/a/file.py:name" for one of the user's own.
        data: Where the data come from.
        fingerprint: Digest of the data.
        task: What the models have to learn.
        epochs: Epochs of a trial.
        seed: Seed of the search.
        objective: Metric that is optimised.
        priority: Highest priority number that is tuned.
        balance: Whether every class weighs the same in training.
        fixed: Values not tuned, as given.
        ranges: Ranges changed, as given.
        versions: Versions of the libraries that the search started with.
        folds: Folds of a cross-validation over training and validation rows, or None.
        executions: Times that each trial is trained, its scores averaged.
        earlier: Directory of a search whose trials are known from the start, or None.
        learn_from: Directories of searches on other data, or of directories that hold them, that are learned from.
        max_weights: Trainable weights that a model may have, or None.
        direction: Which way the objective is better, "min" or "max"; "" for an objective of the task.
        constant: Score on the validation rows of always giving the same answer, the best one of the training rows; None
            where that is not known.
        code: Digest of the file of a model of the user's own, or "".
        family: Whether the model declares its hyperparameters with kzoo, so that options change them.
    """

    model: str
    data: Source
    fingerprint: str
    task: Task
    epochs: int
    seed: int
    objective: str
    priority: int = 3
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ranges: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    balance: bool = False
    folds: int | None = None
    executions: int = 1
    earlier: str | None = None
    learn_from: tuple[str, ...] = ()
    max_weights: int | None = None
    direction: str = ""
    constant: float | None = None
    code: str = ""
    family: bool = True

    @property
    def better(self) -> str:
        """Which way the objective is better, "min" or "max"."""
        return self.direction or self.task.objectives.get(self.objective, "min")

    @property
    def model_name(self) -> str:
        """The model without its place on this machine."""
        return Path(self.model).name

    def hypermodel(self) -> keras_tuner.HyperModel:
        """The hypermodel that is searched; see `create_hypermodel` for the errors.

        Where it is one of the user's own, its file is run.
        """
        import kzoo

        if is_own(self.model):
            from kzoo.cli import own_model

            found = own_model.load(self.model)
            if not own_model.is_family(found):
                return own_model.hypermodel_of(found, self.task, self.model_name)
            name = found.name
        else:
            name = self.model
        return kzoo.create_hypermodel(
            name,
            self.task,
            priority=self.priority,
            fixed=self.fixed,
            ranges=self.ranges,
            epochs=self.epochs,
            metrics=(self.objective,),
            balance=self.balance,
        )

    def load_data(self) -> Dataset:
        """The data of the run.

        Raises:
            DataError: They cannot be read any more.
            Failure: They are not what the search was run on.
        """
        data = self.data.load()
        if data.fingerprint != self.fingerprint:
            raise Failure(
                f"{self.data.source} has changed since the search: restore the data that it ran on, or search "
                "again with another --out."
            )
        return data

    def differences(self, other: Run) -> list[str]:
        """In what a search differs from another that it should continue: one phrase each, "epochs 20 (there: 15)"."""
        names = ["model", "data", "fingerprint", "epochs", "seed", "objective", "priority", "fixed", "ranges"]
        names += ["folds", "executions", "earlier", "learn_from", "max_weights", "direction", "balance"]
        # As they are written: JSON knows no tuples.
        here, there = (json.loads(json.dumps(dataclasses.asdict(each))) for each in (self, other))
        changed = [name for name in names if here[name] != there[name]]
        if "data" in changed and "fingerprint" in changed:
            changed.remove("fingerprint")
        return [f"{name} {_short(getattr(self, name))} (there: {_short(getattr(other, name))})" for name in changed]

    def write(self, directory: Path) -> None:
        """Write `kzoo.json`, whole or not at all.

        Args:
            directory: The run directory; made if it does not exist.

        Raises:
            OSError: It cannot be written.
        """
        directory.mkdir(parents=True, exist_ok=True)
        write_text(directory / FILE, json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1))

    @classmethod
    def read(cls, directory: Path) -> Run:
        """The run that a directory holds.

        Raises:
            Failure: There is none, or its description cannot be read.
        """
        path = directory / FILE
        try:
            fields = read_json(path)
            if fields.pop("format") != FORMAT:
                raise Failure(f"{path}: written by a newer kzoo; install that version.")
            size = fields["data"].pop("image_size", None)
            several: dict[str, Any] = {
                name: tuple(fields["data"].pop(name, ())) for name in ("target", "drop", "keep", "missing")
            }
            fields["data"] = Source(**fields["data"], **several, image_size=tuple(size) if size else None)
            fields["task"] = Task.from_dict(fields["task"])
            fields["learn_from"] = tuple(fields.get("learn_from", ()))
            run = cls(**fields)
            check_types(run)
            check_types(run.data)
            return run
        except FileNotFoundError:
            raise Failure(
                f"{directory} holds no search of the kzoo command ({FILE} is missing); start one with: "
                f"kzoo search MODEL --data DATA --out {command(directory)}"
            ) from None
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}.") from None
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise Failure(f"{path}: not a description of a search ({describe(error)[:300]}).") from None


def is_own(model: str) -> bool:
    """Whether a model is one of the user's own, by its name: "mine.py" or "mine.py:build"."""
    return parts_of(model)[0].suffix == ".py"


def digest_of(model: str) -> str:
    """Digest of the file of a model, by which a change is seen.

    Raises:
        Failure: It cannot be read.
    """
    path, _ = parts_of(model)
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise Failure(describe(error)) from None


def parts_of(model: str) -> tuple[Path, str]:
    """The file and the name in "mine.py:build"; "build" where there is no name."""
    path, _, name = model.rpartition(":") if model.rpartition(":")[0].endswith(".py") else (model, "", "build")
    return Path(path), name


def _short(value: Any) -> str:
    """A value of `Run`, in a few words of the command line."""
    if isinstance(value, Source):
        fields = [(getattr(value, each.name), each.default) for each in dataclasses.fields(value)]
        return " ".join(_words(part) for part, default in fields if part and part != default)
    return _words(value) if value else "none"


def _words(value: Any) -> str:
    if not isinstance(value, Mapping):
        return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)[:80]
    return ", ".join(f"{name}={_range(part) if isinstance(part, Mapping) else part}" for name, part in value.items())


def _range(fields: Mapping[str, Any]) -> str:
    if "values" in fields:
        return ",".join(map(str, fields["values"]))
    return f"{fields.get('low', '')}:{fields.get('high', '')}"
