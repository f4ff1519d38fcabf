"""`kzoo data DATA --target COLUMN`: what a table holds, what is made of it, and what looks wrong."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import rich.table
import rich.text
import typer

import kzoo
from kzoo.cli import arguments
from kzoo.cli.console import command, console, mendable, print_json
from kzoo.cli.source import Source, asked_source, in_options, named_by_options
from kzoo.datasets.preview import Preview, preview
from kzoo.datasets.split import SHARE
from kzoo.errors import DataError
from kzoo.tables.findings import class_counts, find_problems, is_classes
from kzoo.tables.labels import in_fields
from kzoo.tables.sources import is_table
from kzoo.tables.survey import Survey, survey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kzoo.tables.columns import Kind
    from kzoo.tables.understood import Understood

SHOWN_COLUMNS = 60
SHOWN_CLASSES = 12
SHOWN_SENTENCES = 12
LONGEST_EXAMPLE = 40


def data(
    source: Annotated[str, typer.Argument(metavar="DATA", help="A table (.csv, .parquet, ...), or what --data takes.")],
    target: arguments.Target = None,
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
    as_json: arguments.Json = False,
) -> None:
    """Show what a file holds, what is made of it, and what looks wrong."""
    asked = asked_source(
        source,
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
    if source in kzoo.list_datasets() or not is_table(Path(source)):
        _show_other(asked, as_json=as_json)
        return
    with mendable(DataError, OSError), named_by_options():
        plan, split_by = asked.plan(), asked.split_by()
        found = survey(
            source,
            target,
            kinds=asked.columns,
            drop=asked.drop,
            keep=asked.keep,
            split_by=split_by,
            missing=asked.missing_words(),
        )
        split = preview(found, plan, kind=kind, target_scale=target_scale, merge_rare=merge_rare)  # type: ignore[arg-type]
        single = len(found.targets) == 1 and not in_fields(found.targets[0].values, kind)
        warnings = (
            find_problems(found, split.sizes["test"], split.parts, kind=kind, counts=split.counts) if single else []
        )
        refused = [f"A search refuses this: {in_options(split.problem)}"] if split.problem else []
    if as_json:
        print_json(_record(found, split, [*refused, *warnings], kind))
    else:
        _show(found, split, [*refused, *warnings], asked)


def _show_other(asked: Source, *, as_json: bool) -> None:
    with mendable(DataError, OSError):
        found = asked.load()
    task = found.task
    parts = {"train": len(found.y_train), "validation": len(found.y_val), "test": len(found.y_test)}
    record = {
        "data": found.name,
        "kind": task.kind,
        "input_shape": list(task.input_shape),
        "input_dtype": task.input_dtype,
        "classes": list(task.class_names),
        "split": parts,
        "remarks": list(found.remarks),
    }
    if as_json:
        print_json(record)
        return
    rows = sum(parts.values())
    shape = " x ".join(map(str, task.input_shape))
    out = console()
    _line(out, f"{found.name}: {rows} rows of {shape} {task.input_dtype} numbers.")
    if task.class_names:
        noun = "labels" if task.kind == "multi-label" else "classes"
        shown = ", ".join(task.class_names[:SHOWN_CLASSES]) + (", ..." if len(task.class_names) > SHOWN_CLASSES else "")
        _line(out, f"Target: {len(task.class_names)} {noun}: {shown}.")
    else:
        _line(out, "Target: numbers.")
    _line(out, _split_line(parts))
    _show_list(out, "What was found:", found.remarks)
    _line(out, f"Next: {command('kzoo', 'search', 'mlp', *asked.options())}", whole=True)


def _split_line(parts: dict[str, int]) -> str:
    return (
        f"Split: {parts['train']} rows to train on, {parts['validation']} to validate by, {parts['test']} for the test."
    )


def _record(found: Survey, split: Preview, warnings: list[str], kind: str | None) -> dict[str, Any]:
    return {
        "data": found.where,
        "rows": len(found.rows),
        "columns": [_column_record(each) for each in found.columns],
        "targets": [_target_record(each.name, each.values, kind) for each in found.targets],
        "split": split.sizes,
        "remarks": [*found.remarks, *split.remarks],
        "warnings": warnings,
    }


def _column_record(each: Understood) -> dict[str, Any]:
    return {
        "name": each.column.name,
        "kind": each.column.kind,
        "reason": each.column.reason,
        "date_format": each.column.date_format,
        "missing": each.missing,
        "distinct": each.distinct,
        "example": _example(each),
    }


def _example(each: Understood) -> str:
    return " ".join(str(each.cells.words[0]).split())[:LONGEST_EXAMPLE] if len(each.cells.words) else ""


def _target_record(name: str, values: NDArray[Any], kind: str | None) -> dict[str, Any]:
    labels = in_fields(values, kind)
    if labels:
        counts = labels.given.sum(axis=0).astype(int).tolist()
        order = sorted(zip(labels.names, counts, strict=True), key=lambda each: -each[1])
        return {"name": name, "kind": "multi-label", "labels": dict(order), "rows": len(values)}
    if is_classes(values, kind):
        return {"name": name, "kind": "classification", "classes": class_counts(values)}
    import numpy as np

    least, quarter, median, three_quarters, most = np.quantile(values, (0, 0.25, 0.5, 0.75, 1)).tolist()
    return {
        "name": name,
        "kind": "regression",
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "quartiles": [least, quarter, median, three_quarters, most],
        "distinct": len(np.unique(values)),
    }


def _line(out: rich.console.Console, text: str, *, whole: bool = False) -> None:
    """Print a line of text; a command is left whole, to be copied."""
    out.print(text, markup=False, soft_wrap=whole)


def _show(found: Survey, split: Preview, warnings: list[str], asked: Source) -> None:
    out = console()
    _line(out, f"{found.where}: {len(found.rows)} rows, {_counted(found.columns)}.")
    out.print()
    out.print(_table(found.columns[:SHOWN_COLUMNS], out.width))
    if len(found.columns) > SHOWN_COLUMNS:
        _line(out, f"... and {_counted(found.columns[SHOWN_COLUMNS:])}; --json has all.")
    _line(out, _becomes({each.column.kind for each in found.columns}))
    if found.targets:
        out.print()
    for each in found.targets:
        _show_target(out, _target_record(each.name, each.values, asked.kind))
    if found.targets:
        _line(out, _split_line(split.sizes))
    _show_list(out, "What was found:", (*found.remarks, *split.remarks))
    _show_list(out, "To look at:", warnings)
    out.print()
    if found.targets:
        _line(out, f"Next: {command('kzoo', 'search', 'mlp', *asked.options())}", whole=True)
    else:
        _line(
            out,
            f"Which column is to be predicted? Name it: {command('kzoo', 'data', asked.source)} --target COLUMN",
            whole=True,
        )


def _counted(columns: Sequence[Understood]) -> str:
    kinds = collections.Counter(each.column.kind for each in columns)
    nouns = {"number": "numbers", "boolean": "booleans", "category": "categories", "date": "dates", "text": "texts"}
    counts = [f"{count} {kind if count == 1 else nouns.get(kind, kind)}" for kind, count in kinds.items()]
    total = sum(kinds.values())
    return f"{total} column{'s' * (total != 1)} ({', '.join(counts)})"


def _why(each: Understood) -> str:
    """The reason, where the other cells do not tell it already."""
    if each.column.kind == "date":
        return each.column.date_format
    return "" if each.column.reason.startswith("text with") else each.column.reason


def _becomes(kinds: set[Kind]) -> str:
    """What a model gets of the columns of each kind."""
    becomes = {
        "number": "numbers are scaled, with a mark where one is missing",
        "boolean": "booleans are 0 and 1",
        "category": "categories are one-hot, or embedded where more than 10 are frequent, the rest in one slot",
        "date": "dates are taken apart",
        "text": "text is taken as its words, or as its topics where more than 128 are frequent",
    }
    said = "; ".join(what for kind, what in becomes.items() if kind in kinds)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _table(columns: tuple[Understood, ...], width: int) -> rich.table.Table:
    table = rich.table.Table(box=None, pad_edge=False, padding=(0, 2 if width >= 80 else 1, 0, 0))
    roomy = width >= 72
    table.add_column("column", no_wrap=True, overflow="ellipsis", max_width=width // 4)
    table.add_column("taken as", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("distinct", justify="right", no_wrap=True)
    if roomy:
        table.add_column("example", no_wrap=True, overflow="ellipsis", max_width=width // 5)
    table.add_column("why", overflow="fold")
    for each in columns:
        cells = [each.column.name, each.column.kind, str(each.missing or ""), str(each.distinct)]
        cells += [_example(each)] if roomy else []
        # What a file holds is no markup.
        table.add_row(*(rich.text.Text(" ".join(cell.split())) for cell in (*cells, _why(each))))
    return table


def _show_target(out: rich.console.Console, record: dict[str, Any]) -> None:
    if record["kind"] == "regression":
        least, quarter, median, three_quarters, most = (f"{value:.6g}" for value in record["quartiles"])
        _line(
            out,
            f"Target {record['name']}: a number from {least} to {most}; half of them {quarter} to {three_quarters}, "
            f"median {median}, mean {record['mean']:.6g}.",
        )
        return
    counts, total, noun = record.get("classes"), 0, "classes"
    if counts is None:
        counts, total, noun = record["labels"], record["rows"], "labels, of which a row has several"
    total = total or sum(counts.values())
    parts = [f"{name} {count} ({100 * count / total:.0f} %)" for name, count in list(counts.items())[:SHOWN_CLASSES]]
    more = f", and {len(counts) - SHOWN_CLASSES} more" if len(counts) > SHOWN_CLASSES else ""
    _line(out, f"Target {record['name']}: {len(counts)} {noun}: {', '.join(parts)}{more}.")


def _show_list(out: rich.console.Console, title: str, sentences: tuple[str, ...] | list[str]) -> None:
    if not sentences:
        return
    out.print()
    _line(out, title)
    table = rich.table.Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    for sentence in sentences[:SHOWN_SENTENCES]:
        table.add_row("-", rich.text.Text(sentence, overflow="fold"))
    if len(sentences) > SHOWN_SENTENCES:
        table.add_row("-", f"... and {len(sentences) - SHOWN_SENTENCES} more; --json has all.")
    out.print(table)
