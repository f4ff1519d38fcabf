"""Tables in files of other forms: Parquet, Feather, and a JSON record a line."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kzoo.errors import DataError
from kzoo.files import parse_json
from kzoo.tables.encodings import find_encoding
from kzoo.tables.packed import opened

if TYPE_CHECKING:
    import pandas

JSON_LINES = (".jsonl", ".ndjson")
ARROW = (".parquet", ".pq", ".feather", ".arrow")


def json_lines(path: Path, chunk_rows: int | None = None) -> Iterator[pandas.DataFrame]:
    """Reads a `.jsonl`: in each line one object, whose names are those of the columns.

    Args:
        path: The file.
        chunk_rows: At most so many rows at a time; None for all at once.

    Raises:
        DataError: A line is not a JSON object; the message names it.
    """
    import pandas

    with opened(path) as file:
        encoding = find_encoding(file, path)
    with opened(path) as file, io.TextIOWrapper(file, encoding=encoding) as text:
        records = (_record(line, number, path) for number, line in enumerate(text, start=1) if line.strip())
        while rows := list(itertools.islice(records, chunk_rows)):
            # As Python objects, so that whole numbers stay whole beside missing ones.
            yield pandas.DataFrame.from_records(rows).astype(object)


def _record(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        record = parse_json(line)
    except ValueError as error:
        what = " of an array: write one object a line" if number == 1 and line.lstrip().startswith("[") else ""
        raise DataError(f"{path}: line {number} is not JSON{what} ({error}).") from None
    if not isinstance(record, dict) or not record:
        raise DataError(f'{path}: line {number} is not an object such as {{"age": 39}}; write one a row.')
    return record


def arrow_names(path: Path) -> list[str]:
    """Names of the columns of a `.parquet` or `.feather`.

    Raises:
        DataError: It cannot be read, or pyarrow is not installed.
    """
    return list(_batches(path)[0])


def arrow_frames(
    path: Path, chunk_rows: int | None = None, columns: Collection[str] | None = None
) -> Iterator[pandas.DataFrame]:
    """Reads a `.parquet` or `.feather`.

    Args:
        path: The file.
        chunk_rows: About so many rows at a time; None for all at once.
        columns: Names of the columns to read; None for all.

    Raises:
        DataError: It cannot be read, or pyarrow is not installed.
    """
    names, batches = _batches(path)
    wanted = [name for name in names if columns is None or name in columns]
    yield from batches(chunk_rows, wanted)


def _batches(path: Path) -> tuple[list[str], Callable[[int | None, list[str]], Iterator[pandas.DataFrame]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise DataError(
            f"{path}: pyarrow is needed to read this; pip install 'kzoo[parquet]', or save the table as .csv."
        ) from None

    def damaged(error: Exception) -> DataError:
        return DataError(f"{path}: damaged, cut off or of another form ({' '.join(str(error).split())[:200]}).")

    feather = path.suffix.lower() in (".feather", ".arrow")
    try:
        file = pyarrow.ipc.open_file(pyarrow.memory_map(str(path))) if feather else pyarrow.parquet.ParquetFile(path)
        names = file.schema.names if feather else file.schema_arrow.names
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged(error) from None

    def batches(chunk_rows: int | None, wanted: list[str]) -> Iterator[pandas.DataFrame]:
        try:
            if chunk_rows is None:
                table = file.read_all().select(wanted) if feather else file.read(columns=wanted)
                yield table.to_pandas(ignore_metadata=True)
            elif feather:
                for index in range(file.num_record_batches):
                    yield file.get_batch(index).select(wanted).to_pandas()
            else:
                for batch in file.iter_batches(batch_size=chunk_rows, columns=wanted):
                    yield batch.to_pandas()
        except (pyarrow.ArrowException, OSError) as error:
            raise damaged(error) from None

    return names, batches
