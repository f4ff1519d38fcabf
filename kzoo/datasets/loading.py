"""Loading data: by name, or by the path of a file or folder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.datasets.assembly import assemble
from kzoo.datasets.dataset import DataError, Dataset
from kzoo.datasets.folders import read_folder
from kzoo.datasets.named import list_datasets, read_named
from kzoo.datasets.npz import read_arrays, read_npz
from kzoo.datasets.raw import RawData
from kzoo.datasets.split import SHARE, checked_plan
from kzoo.datasets.table import read_columns
from kzoo.datasets.target_scales import TargetScale
from kzoo.tables.columns import Kind
from kzoo.tables.missing import Missing
from kzoo.tables.sources import TABLE_ENDINGS, is_table
from kzoo.task import TaskKind

if TYPE_CHECKING:
    import pandas
    from numpy.typing import ArrayLike


_ENDINGS = ", ".join(TABLE_ENDINGS)


def load_dataset(
    source: str | Path | pandas.DataFrame | Mapping[str, Any] | tuple[Any, Any],
    *,
    target: str | Sequence[str] | None = None,
    columns: Mapping[str, Kind] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    missing: Missing | None = None,
    image_size: tuple[int, int] | None = None,
    kind: TaskKind | None = None,
    target_scale: TargetScale | None = None,
    merge_rare: int | None = None,
    validation_share: float = SHARE,
    test_share: float = SHARE,
    seed: int = 1,
    group: str | ArrayLike | None = None,
    time: str | ArrayLike | None = None,
    part: str | None = None,
) -> Dataset:
    """Loads a data set and splits it.

    Args:
        source: One of `list_datasets()`; or the path of a table (`.csv`, `.tsv`, `.txt`, `.jsonl`, `.parquet`,
            `.feather`, also in a `.gz` or `.zip`), of a `.npz` with arrays x, y or x_train, y_train (and x_val, y_val,
            x_test, y_test), or of a folder with a sub-folder of images for each class (or with train, val and test
            that hold such sub-folders); a DataFrame or a dict of columns; or a pair of arrays x and y. For a path that
            is also a name, write `./digits`. The image sets mnist, fashion_mnist, cifar10 and cifar100 are looked for
            in the directory that the environment variable KZOO_DATA names, then where the system's packages put them,
            and else downloaded.
        target: Of a table, name of the column to predict, or names of several: of numbers, or of 0 and 1 or yes and no
            for labels that a row has or has not.
        columns: Of a table, what columns hold, by name, where they would be taken for something else: "number",
            "boolean", "category", "date" or "text".
        drop: Of a table, names of columns to leave out.
        keep: Of a table, names of columns to take in that would be left out.
        missing: Of a table, words or numbers that stand for a missing value in it, such as [-999, "not measured"], or
            {"age": [-1]} for columns by their names, "" for every column. An export takes them for missing as well.
        image_size: (height, width) in pixels to resize images to; folders of images only.
        kind: The kind of task. By default text, booleans and whole numbers of at most 20 different values (1.0 and 0.0
            too) are classes; several columns of 0 and 1, and fields such as "Action|Comedy", are labels; other numbers
            are to be predicted.
        target_scale: How numbers to predict are learned: "linear", as they are, or "log", by their logarithm; answers
            are in their units all the same. By default the logarithm where they are above 0 and strongly skewed; see
            `kzoo.datasets.target_scales`.
        merge_rare: Classes of fewer rows than this, from 2, become one class "other". By default each stays: what has
            too few rows to be in every part is trained on.
        validation_share: Share of the rows to choose hyperparameters by, in (0, 1). Where the source sets test rows
            apart, it is the share of the others; it is not used where the source sets validation rows apart.
        test_share: Share of the rows for the final evaluation, in (0, 1); not used where the source sets them apart.
        seed: Of the split, 0 to 2**32 - 1. Splits are stratified by class.
        group: Of a table, name of the column whose equal values say that rows belong together (a patient, a customer):
            they are never in two parts. Of arrays, an array [rows] of such values.
        time: Of a table, name of the column of dates or numbers that says when a row was: the earliest rows are trained
            on, the latest are the test, and rows of one time stay together. Of arrays, an array [rows] of numbers.
        part: Of a table, name of the column whose words say what each row is for: train, val or test, and their like.
            A part that it does not name is cut from the rows to train on. Of these three columns only dates are
            trained on, unless `keep` names them.

    Returns:
        The data set, with `task` describing its training split.

    Raises:
        DataError: The source is not found, cannot be read, or holds what cannot be learnt from; the message is one
            line that names the file, row and column.
    """
    if isinstance(target, int):  # As columns of a DataFrame may be called.
        target = str(target)
    plan = checked_plan(validation_share, test_share, seed)
    if group is not None and time is not None:
        raise DataError("group= and time= are both given; rows are split by one of them.")
    split_by = {"group": group, "time": time, "part": part}
    wishes = {
        "columns": columns or {},
        "drop": drop,
        "keep": keep,
        "missing": [missing] if isinstance(missing, str | int | float) else missing,
        "split_by": {role: each for role, each in split_by.items() if each is not None},
    }
    raw = _read(source, target, wishes, image_size)
    return assemble(raw, kind=kind, plan=plan, target_scale=target_scale, merge_rare=merge_rare)


def _read(
    source: Any, target: str | Sequence[str] | None, wishes: dict[str, Any], image_size: tuple[int, int] | None
) -> RawData:
    by = wishes["split_by"]
    of_tables = {"target": target, **wishes, **by}
    of_tables.pop("split_by")
    if isinstance(source, tuple) and len(source) == 2:
        kept = {name: value for name, value in of_tables.items() if name not in ("group", "time")}
        _leave_out("the arrays", {**kept, "image_size": image_size}, "is for tables and folders")
        return read_arrays(*source, group=by.get("group"), time=by.get("time"))
    for role, name in by.items():
        if not isinstance(name, str):
            raise DataError(f"{role} is a {type(name).__name__}; expected the name of a column.")
    if not isinstance(source, str | Path):
        if not (isinstance(source, Mapping) or hasattr(source, "columns")):
            raise DataError(
                f"source is a {type(source).__name__}; expected a name, a path, a DataFrame, a dict of columns or a "
                "pair of arrays."
            )
        _leave_out("the table", {"image_size": image_size}, "is for folders of images")
        return read_columns(source, target, **wishes)
    path = Path(source)
    suffix = path.suffix.lower()
    named = isinstance(source, str) and source in list_datasets()
    if not named and not _exists(path):
        raise _not_found(source, path)
    table = not named and not path.is_dir() and is_table(path)
    if not table:
        _leave_out(str(source), of_tables, "is for tables")
    if image_size is not None and (named or not path.is_dir()):
        raise DataError(f"{source}: image_size= is for folders of images; leave it out here.")
    if named:
        return read_named(str(source))
    if path.is_dir():
        return read_folder(path, image_size)
    if suffix == ".npz":
        return read_npz(path)
    if table:
        return read_columns(path, target, **wishes)
    raise DataError(f"{path}: not a data set; expected a table ({_ENDINGS}), a .npz file or a folder of images.")


def _leave_out(where: str, given: Mapping[str, Any], why: str) -> None:
    for name, value in given.items():
        if value is not None and len(value):
            raise DataError(f"{where}: {name}= {why}; leave it out here.")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # A name that no file can have, or a folder that may not be looked into.
        raise DataError(f"{str(path)[:200]}: cannot be read ({error.strerror}).") from None


def _not_found(source: str | Path, path: Path) -> DataError:
    if isinstance(source, Path) or path.suffix or os.sep in source:
        return DataError(f"{source}: no such file or folder (looked in {Path.cwd()}).")
    near = difflib.get_close_matches(source, list_datasets(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list_datasets())}."
    return DataError(
        f"No data set or file is called {source!r}; {hint} A path ends in .csv, .npz or the like, or is a folder."
    )
