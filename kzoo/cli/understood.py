"""What a search has understood, said before it begins: the model and what is tuned, the data, how long it may take."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.table
import rich.text

from kzoo.cli.console import console
from kzoo.cli.effort import Effort
from kzoo.cli.shown import counted, number, seconds
from kzoo.zoo.hyperparameters import Choice, Float, Hyperparameter, Int
from kzoo.zoo.names import shown_name, shown_value
from kzoo.zoo.spaces import Space, tuned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kzoo.cli.run import Run
    from kzoo.datasets import Dataset
    from tuners import Study

SHOWN_CLASSES = 6
"""Classes that are counted one by one."""

LABEL = 9
"""Width of the labels."""

NOUNS = {"number": "numbers", "boolean": "booleans", "category": "categories", "date": "dates", "text": "texts"}


def say(lines: Mapping[str, str]) -> None:
    """Print lines with their labels; what is longer than the screen goes on below its beginning."""
    table = rich.table.Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, min_width=LABEL, style="bold")
    table.add_column(overflow="fold")
    for label, line in lines.items():
        # What a file holds is no markup.
        table.add_row(label, rich.text.Text(line))
    console().print(table)


def of_space(
    space: Space, *, priority: int, fixed: Mapping[str, Any], ranges: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Lines about what is tuned, in the order of the priorities, and what is not.

    Args:
        space: The hyperparameters.
        priority: Highest priority that is tuned.
        fixed: Values that are not tuned, by full name.
        ranges: Ranges that were asked for, by any name.
    """
    asked = {full for name in ranges for full in space.find(name)[0]}
    by_priority: dict[int, dict[str, None]] = collections.defaultdict(dict)
    for each in tuned(space, fixed, priority=priority):
        by_priority[each.priority].setdefault(_label(each, in_full=each.name in asked))
    lines = {"tuned": "; then ".join(", ".join(names) for _, names in sorted(by_priority.items())) or "nothing"}
    if fixed:
        short = [
            (shown_name(name).rpartition("/")[2], number(shown_value(name, value))) for name, value in fixed.items()
        ]
        lines["fixed"] = ", ".join(f"{name} {value}" for name, value in dict.fromkeys(short))
    return lines


def _label(declared: Hyperparameter, *, in_full: bool) -> str:
    """Its name, without the optimizer's where each has one, and with its range where that was asked for."""
    head, _, tail = shown_name(declared.name).rpartition("/")
    name = tail if tail in ("learning_rate", head) else shown_name(declared.name)
    if not in_full:
        return name
    if isinstance(declared, Choice):
        return f"{name} ({', '.join(number(shown_value(declared.name, each)) for each in declared.values)})"
    if isinstance(declared, Float | Int):
        low, high = sorted(shown_value(declared.name, end) for end in (declared.low, declared.high))
        return f"{name} ({number(low)} to {number(high)})"
    return name


def of_data(data: Dataset) -> dict[str, str]:
    """Lines about the data: what they are, what is to be predicted, and how they are split."""
    task = data.task
    parts = {"train": len(data.y_train), "validation": len(data.y_val), "test": len(data.y_test)}
    shape = " x ".join(map(str, task.input_shape))
    rows = counted(sum(parts.values()), "row")
    what = f"{rows}, images of {shape} {task.input_dtype}" if task.is_image else f"{rows} of {shape} numbers"
    if task.table is not None:
        kinds = collections.Counter(column.kind for column in task.table.columns)
        counts = [f"{count} {kind if count == 1 else NOUNS.get(kind, kind)}" for kind, count in kinds.items()]
        what = f"{rows}, {counted(len(task.table.columns), 'column')} ({', '.join(counts)}), as {shape} numbers"
    return {
        "data": f"{data.name}: {what}",
        "target": _target(data),
        "split": f"{parts['train']} rows to train on, {parts['validation']} to choose by, {parts['test']} for the test",
    }


def _target(data: Dataset) -> str:
    import numpy as np

    y = np.concatenate([data.y_train, data.y_val, data.y_test])
    task = data.task
    if task.kind == "multi-label":
        counts = y.sum(axis=0).astype(int)
        return (
            f"{counted(task.num_classes, 'label')}, of which a row may have several: {_most(task.class_names, counts)}"
        )
    if task.kind == "regression":
        y = y.reshape(len(y), -1)
        quarter, median, more = np.quantile(y[:, 0], (0.25, 0.5, 0.75)).tolist()
        first = f"a number from {y[:, 0].min():.6g} to {y[:, 0].max():.6g}, half of them {quarter:.6g} to {more:.6g}"
        spread = f"median {median:.6g}, standard deviation {y[:, 0].std():.4g}"
        return f"{first}, {spread}" if y.shape[1] == 1 else f"{y.shape[1]} numbers; the first {first}, {spread}"
    counts = np.bincount(y, minlength=task.num_classes)
    largest = int(counts.argmax())
    always = f"always answering {task.class_names[largest]} is right in"
    share = 100 * counts[largest] / counts.sum()
    return f"{task.num_classes} classes: {_most(task.class_names, counts)}; {always} {share:.1f} % of the rows"


def _most(names: Sequence[str], counts: NDArray[Any]) -> str:
    """The most frequent of some names, with their counts."""
    order = (-counts).argsort(kind="stable")[:SHOWN_CLASSES]
    more = f" and {counted(len(names) - len(order), 'other')}" if len(names) > len(order) else ""
    return ", ".join(f"{names[each]} {counts[each]}" for each in order) + more


def of_search(asked: Run, directory: Path, effort: Effort, before: Study | None) -> dict[str, str]:
    """Lines about the search: how much it does, by what it chooses, and where it is kept.

    Args:
        asked: The search.
        directory: Its directory.
        effort: How it is run.
        before: What is there already, or None where it is a new one.
    """
    runs = [f"{counted(effort.trials, 'trial')} of {counted(asked.epochs, 'epoch')}"]
    if effort.prune:
        runs[0] += ", fewer for those that fall behind"
    if asked.folds:
        runs.append(f"each on {asked.folds} folds of the training and validation rows")
    if asked.executions > 1:
        runs.append(f"each trained {asked.executions} times")
    if effort.workers:
        runs.append(counted(effort.workers, "process", "processes"))
    if effort.max_time:
        gone = f", {seconds(before.elapsed)} of them gone" if before else ""
        runs.append(f"at most {seconds(effort.max_time)}{gone}")
    if effort.patience:
        runs.append(f"no more after {counted(effort.patience, 'trial')} without a new best")
    better = "more" if asked.better == "max" else "less"
    kept = f"{directory}"
    if before:
        kept += f", which goes on: {counted(len(before.completed), 'trial')} finished"
    lines = {"search": ", ".join(runs), "chosen by": f"{asked.objective}, {better} is better", "kept in": kept}
    return {**lines, **({"knows": f"what {asked.earlier} has found"} if asked.earlier else {})}


def constant_score(data: Dataset, objective: str) -> float | None:
    """The score on the validation rows of always giving the same answer, learned from the training rows.

    Args:
        data: The data.
        objective: "val_accuracy", "val_loss", ... of the zoo's models.

    Returns:
        The score; None where the objective is another.
    """
    import numpy as np

    train, val = data.y_train, data.y_val
    if not len(val) or data.task.kind == "multi-label":
        return None
    if data.task.kind == "classification":
        shares = np.bincount(train, minlength=data.task.num_classes) / len(train)
        if objective == "val_accuracy":
            return float((val == shares.argmax()).mean())
        return float(-np.log(np.maximum(shares[val], 1e-7)).mean()) if objective == "val_loss" else None
    error = val - train.mean(axis=0)
    # What is learned by its logarithm has the loss of that.
    learned = np.log(val) - np.log(train).mean(axis=0) if data.task.log_target else error
    return {
        "val_loss": float(np.square(learned.reshape(len(val), -1) / np.asarray(data.task.target_scale)).mean()),
        "val_root_mean_squared_error": float(np.sqrt(np.square(error).mean())),
        "val_mean_absolute_error": float(np.abs(val - np.median(train, axis=0)).mean()),
    }.get(objective)
