"""Arguments that several commands take, and how their text becomes values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kzoo.cli.console import bad_argument
from kzoo.tables.columns import KINDS
from kzoo.tables.columns import Kind as ColumnKind
from kzoo.zoo.ranges import example_of
from kzoo.zoo.spaces import Space, asked_space


def tuned(*names: str, **options: Any) -> Any:
    """An option in the panel of what is tuned."""
    return typer.Option(*names, rich_help_panel="What is tuned", **options)


def trained(*names: str, **options: Any) -> Any:
    """An option in the panel of how trials are trained."""
    return typer.Option(*names, rich_help_panel="How it is trained", **options)


def read(*names: str, **options: Any) -> Any:
    """An option in the panel of how the data are read."""
    return typer.Option(*names, rich_help_panel="How the data are read", **options)


RunDirectory = Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a search.", show_default=False)]
ExportName = Annotated[str, typer.Argument(help="Name of the export.", show_default=False)]
EXPORTS = Path("saved_models")
Exports = Annotated[Path, typer.Option("--to", metavar="DIR", help="Directory of the exports.")]
Json = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]
Trust = Annotated[
    bool, typer.Option("--trust", help="Run the export whatever its graph does: read and write files, use the network.")
]
TIMEOUT = 600.0
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="End after so long; 0 for no limit.")]
MaxTime = Annotated[str | None, typer.Option(metavar="TIME", help="Start no trial after so long: 45s, 30m, 2h.")]
Data = Annotated[
    str, typer.Option("--data", metavar="DATA", help="A name (digits, ...), a table, a .npz, or a folder of images.")
]
Target = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Column of a table to predict; repeat it for several.")
]
Fix = Annotated[list[str] | None, tuned(metavar="NAME=VALUE", help="Do not tune NAME.")]
Range = Annotated[list[str] | None, tuned("--range", metavar="NAME=LOW:HIGH", help="Another range, or NAME=A,B,C.")]
ColumnKinds = Annotated[
    list[str] | None, read("--column", metavar="NAME=KIND", help="As number, boolean, category, date or text.")
]
Drop = Annotated[list[str] | None, read("--drop", metavar="COLUMN", help="Leave a column out.")]
Keep = Annotated[list[str] | None, read("--keep", metavar="COLUMN", help="Take in what would be left out.")]
Missing = Annotated[
    list[str] | None, read("--missing", metavar="WORD", help="It says that a value is missing; or COLUMN=WORD.")
]
ValidationShare = Annotated[float, read(min=0, max=1, metavar="SHARE", help="Of the rows, to choose by.")]
TestShare = Annotated[float, read(min=0, max=1, metavar="SHARE", help="Of the rows, for the test.")]
SplitSeed = Annotated[int, read(min=0, max=2**32 - 1, help="Seed of the split.")]
Group = Annotated[str | None, read(metavar="COLUMN", help="Rows of one value stay in one part.")]
Time = Annotated[str | None, read(metavar="COLUMN", help="Train on the earliest, test on the latest.")]
Part = Annotated[str | None, read(metavar="COLUMN", help="It says the part: train, val or test.")]
ImageSize = Annotated[str | None, read(metavar="HxW", help="Pixels to resize images to.")]
Kind = Annotated[str | None, read(metavar="KIND", help="classification, multi-label or regression.")]
TargetScale = Annotated[str | None, read(metavar="SCALE", help="Numbers are learned linear, or by their log.")]
MergeRare = Annotated[int | None, read(min=2, metavar="ROWS", help="Classes of fewer rows become one.")]


def image_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) from "28x28".

    Raises:
        ValueError: It is not of that form.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})[xX]([1-9]\d{0,4})", text)
    if not match:
        raise ValueError(f"{text!r} is not a size; expected HEIGHTxWIDTH in pixels, such as 64x64.")
    return int(match[1]), int(match[2])


UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str | None) -> float | None:
    """Seconds from "90", "45s", "30m", "2h", "1h30m" or "1.5h".

    Raises:
        ValueError: It is not of that form, or not above 0.
    """
    if text is None:
        return None
    compact = text.replace(" ", "").lower()
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(s|min|m|h|d)", compact)
    if re.fullmatch(r"\d+(\.\d*)?|\.\d+", compact):
        parts = [(compact, "s")]
    value = sum(float(count) * UNITS[unit] for count, unit in parts)
    if "".join(count + unit for count, unit in parts) not in (compact, f"{compact}s") or not 0 < value < math.inf:
        raise ValueError(f"{text!r} is not a time; expected seconds, or such as 45s, 30m, 2h or 1h30m.")
    return value


def workers(text: str) -> int | None:
    """A number of processes from "2"; None for "auto".

    Raises:
        ValueError: It is neither.
    """
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no number of processes; expected 1 or more, or auto.")
    return int(text)


def fixed(assignments: Iterable[str]) -> dict[str, Any]:
    """Values by name from ["optimizer=adam", "learning_rate=0.01"].

    Raises:
        ValueError: One is not of that form, or a name is given twice.
    """
    values: dict[str, Any] = {}
    for text in assignments:
        name, value = _split(text, "NAME=VALUE, such as optimizer=adam")
        if name in values:
            raise ValueError(f"{name} is given twice.")
        values[name] = literal(value)
    return values


def ranges(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Changes of ranges from ["units=8:64", "optimizer=adam,sgd"].

    Raises:
        ValueError: One is not of that form, or a name is given twice.
    """
    form = "NAME=LOW:HIGH or NAME=A,B,C, such as units=8:64"
    changes: dict[str, dict[str, Any]] = {}
    for text in assignments:
        name, value = _split(text, form)
        if name in changes:
            raise ValueError(f"{name} is given twice.")
        parts = value.split(":" if ":" in value else ",")
        if not all(map(str.strip, parts)) or (":" in value and len(parts) != 2):
            raise ValueError(f"{text!r} is not of the form {form}.")
        values = [literal(part) for part in parts]
        changes[name] = dict(zip(("low", "high"), values, strict=True)) if ":" in value else {"values": values}
    return changes


def check_space(
    space: Space, *, priority: int, fixed: Mapping[str, Any], ranges: Mapping[str, Mapping[str, Any]]
) -> Space:
    """The space that is asked for by --fix and --range.

    Raises:
        BadParameter: A name or value is wrong; the message has an example of a right one.
    """
    for name, fields in ranges.items():
        try:
            space.replace({name: fields})
        except ValueError as error:
            raise typer.BadParameter(f"{error}{_example(space, name)}", param_hint="--range") from None
    with bad_argument(hint="--range"):
        space.replace(ranges)
    with bad_argument(hint="--fix"):
        return asked_space(space, priority=priority, fixed=fixed, ranges=ranges)[0]


def _example(space: Space, name: str) -> str:
    try:
        names, flipped = space.find(name)
    except ValueError:
        return ""
    text = example_of(space[names[0]], flipped=flipped)
    return f" As in: --range {name}={text}" if text else f" It is yes or no: --fix {name}=yes"


def column_kinds(assignments: Iterable[str]) -> dict[str, ColumnKind]:
    """Kinds of columns by name from ["zip=category", "age=number"].

    Raises:
        ValueError: One is not of that form, a kind is none, or a column is named twice.
    """
    kinds: dict[str, ColumnKind] = {}
    for text in assignments:
        # Names of columns may hold an equals sign.
        name, _, kind = text.rpartition("=")
        if not name:
            raise ValueError(f"{text!r} is not of the form NAME=KIND, such as zip=category.")
        known = next((each for each in KINDS if each == kind and each != "left out"), None)
        if known is None:
            raise ValueError(f"{kind!r} is no kind of a column; there are number, boolean, category, date and text.")
        if name in kinds:
            raise ValueError(f"{name} is given twice.")
        kinds[name] = known
    return kinds


def literal(text: str) -> Any:
    """A number, true or false where the text is one, else the text itself."""
    lowered = text.strip().lower()
    if lowered in ("true", "yes", "false", "no"):
        return lowered in ("true", "yes")
    try:
        value = json.loads(lowered)
    except (ValueError, RecursionError):
        value = _float(lowered)
    return value if isinstance(value, int | float) else text.strip()


def _float(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _split(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise ValueError(f"{text!r} is not of the form {form}.")
    return name.strip(), value.strip()
