"""Where the data of a command come from, as its options say it."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from kzoo.cli import arguments
from kzoo.cli.console import bad_argument
from kzoo.datasets import DataError, Dataset, load_dataset
from kzoo.datasets.split import SHARE, Plan, checked_plan
from kzoo.tables.marks import Role

ONCE = ("kind", "validation_share", "test_share", "split_seed", "group", "time", "part", "target_scale", "merge_rare")
"""Fields of `Source` that are an option with one value."""

ARGUMENT = re.compile(
    r"""(?<![\w'"/])(?:(target|columns|drop|keep|missing|kind|group|time|part|image_size|target_scale|merge_rare)"""
    r"=(?=[ ).,])"
    r"|(validation_share|test_share)\b)"
)
"""Arguments of `load_dataset` as its messages name them; not those that are said with a value."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Where data come from, as `load_dataset` takes it.

    Attributes:
        source: A name, or an absolute path, so that a run can be read from any directory.
        target: Columns of a table to predict.
        image_size: (height, width) in pixels that images are resized to.
        kind: "classification", "regression", or None to go by the data.
        columns: What columns of a table hold, by name.
        drop: Columns of a table to leave out.
        keep: Columns of a table to take in that would be left out.
        missing: What stands for a missing value in a table, each a word or "COLUMN=WORD".
        validation_share: Share of the rows for validation.
        test_share: Share of the rows for the test.
        split_seed: Seed of the split.
        group: Column of a table whose groups stay together, or None.
        time: Column of a table that rows are split by in time, or None.
        part: Column of a table that names the part of each row, or None.
        target_scale: "linear", "log", or None to go by the data.
        merge_rare: Rows that a class needs to stay one, or None.
    """

    source: str
    target: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    kind: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    validation_share: float = SHARE
    test_share: float = SHARE
    split_seed: int = 1
    group: str | None = None
    time: str | None = None
    part: str | None = None
    target_scale: str | None = None
    merge_rare: int | None = None

    def plan(self) -> Plan:
        """How rows are split; see `load_dataset` for the errors."""
        return checked_plan(self.validation_share, self.test_share, self.split_seed)

    def split_by(self) -> dict[Role, str]:
        """Names of the columns that rows are split by."""
        named: dict[Role, str | None] = {"group": self.group, "time": self.time, "part": self.part}
        return {role: name for role, name in named.items() if name is not None}

    def missing_words(self) -> dict[str, list[str]] | None:
        """The same by column, "" for every column."""
        found: dict[str, list[str]] = {}
        for text in self.missing:
            # Names of columns may hold an equals sign.
            name, _, word = text.rpartition("=")
            found.setdefault(name, []).append(word)
        return found or None

    def options(self) -> list[str]:
        """The options of a command that mean these data."""
        repeated = {"target": self.target, "drop": self.drop, "keep": self.keep, "missing": self.missing}
        options = ["--data", self.source]
        options += [word for name, values in repeated.items() for each in values for word in (f"--{name}", each)]
        options += [word for name, kind in self.columns.items() for word in ("--column", f"{name}={kind}")]
        if self.image_size:
            options += ["--image-size", "x".join(map(str, self.image_size))]
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if each.name in ONCE and value != each.default:
                options += [f"--{each.name.replace('_', '-')}", str(value)]
        return options

    def load(self) -> Dataset:
        """The data; see `load_dataset` for the errors, which name the options of a command."""
        target = self.target[0] if len(self.target) == 1 else self.target or None
        with named_by_options():
            return self._load(target)

    def _load(self, target: Any) -> Dataset:
        return load_dataset(
            self.source,
            target=target,
            columns=self.columns,
            drop=self.drop,
            keep=self.keep,
            missing=self.missing_words(),
            image_size=self.image_size,
            kind=self.kind,  # type: ignore[arg-type]
            validation_share=self.validation_share,
            test_share=self.test_share,
            seed=self.split_seed,
            group=self.group,
            time=self.time,
            part=self.part,
            target_scale=self.target_scale,  # type: ignore[arg-type]
            merge_rare=self.merge_rare,
        )


@contextlib.contextmanager
def named_by_options() -> Iterator[None]:
    """Name the arguments of `load_dataset` in its errors, such as "image_size=", as the options of a command."""
    try:
        yield
    except DataError as error:
        raise DataError(in_options(str(error))) from None


def in_options(message: str) -> str:
    """A message of `load_dataset` that names the options of a command."""
    return ARGUMENT.sub(lambda found: f"--{(found[1] or found[2]).removesuffix('s').replace('_', '-')}", message)


def asked_source(
    data: str,
    *,
    target: list[str] | None,
    column: list[str] | None,
    drop: list[str] | None,
    keep: list[str] | None,
    missing: list[str] | None,
    image_size: str | None,
    **once: Any,
) -> Source:
    """The data that are asked for by the options of a command.

    Args:
        data: A name, or a path.
        target: See `Source`.
        column: What columns hold, as "NAME=KIND".
        drop: See `Source`.
        keep: See `Source`.
        missing: See `Source`.
        image_size: "HEIGHTxWIDTH", or None.
        once: The fields in `ONCE`.

    Raises:
        BadParameter: A text is not of its form.
    """
    if not data:
        raise typer.BadParameter("is empty; name a data set, a file or a folder.", param_hint="--data")
    with bad_argument(hint="--image-size"):
        size = arguments.image_size(image_size)
    with bad_argument(hint="--column"):
        columns = arguments.column_kinds(column or ())
    return Source(
        source=data,
        target=tuple(target or ()),
        image_size=size,
        columns=columns,
        drop=tuple(drop or ()),
        keep=tuple(keep or ()),
        missing=tuple(missing or ()),
        **once,
    )
