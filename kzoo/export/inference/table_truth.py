"""How good the answers to rows of a table are, where it is known what is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.export.errors import RequestError
from kzoo.tables.columns import MISSING_NUMBERS
from kzoo.tables.numbers import plain_numbers

if TYPE_CHECKING:
    import pandas

LABEL, PROBABILITIES = "label", "probabilities: "

UNLIKELY = 0.01
"""The p-value below which a difference is no luck."""

LEAST = 1e-7
"""Of a probability whose logarithm is taken, as in Keras."""


class Truth:
    """Takes answers and what is right, and says how good they are.

    Rows where it is not known what is right are passed over. A class that the export does not know is answered wrong,
    and not part of the loss, which would be infinite.
    """

    def __init__(self) -> None:
        self.passed_over = 0
        self.unknown: dict[str, int] = {}
        self._right: list[NDArray[Any]] = []
        self._errors: list[NDArray[Any]] = []
        self._values: list[NDArray[Any]] = []

    def take(self, answers: pandas.DataFrame, truth: Sequence[str | None], place: Sequence[int]) -> None:
        """Take some rows.

        Args:
            answers: As `TableRunner.answer` gives them.
            truth: What is right, as it is written; None where it is not known.
            place: Numbers of the rows from 0, for messages.

        Raises:
            RequestError: The export answers with something else than one class or one number a row, or what is right
                is not a number.
        """
        words = [None if word is None or word in MISSING_NUMBERS else word for word in truth]
        known = np.array([word is not None for word in words], dtype=bool)
        self.passed_over += int((~known).sum())
        held = [word for word in words if word is not None]
        if not held:
            return
        if LABEL in answers and any(name.startswith(PROBABILITIES) for name in map(str, answers)):
            self._take_classes(answers[known], held)
        elif answers.shape[1] == 1:
            rows = np.asarray(place)[known]
            self._take_numbers(answers.to_numpy(dtype=np.float64)[known, 0], held, rows)
        else:
            raise RequestError(
                "What is right can be compared with one class or one number a row; this export answers "
                f"with {', '.join(map(repr, answers.columns[:4]))}."
            )

    def _take_classes(self, answers: pandas.DataFrame, words: Sequence[str]) -> None:
        probabilities = {
            name.removeprefix(PROBABILITIES): answers[name].to_numpy(dtype=np.float64)
            for name in map(str, answers)
            if name.startswith(PROBABILITIES)
        }
        names = {_spelled(name): name for name in probabilities}
        classes = [names.get(_spelled(word)) for word in words]
        for word, name in zip(words, classes, strict=True):
            if name is None:
                self.unknown[word] = self.unknown.get(word, 0) + 1
        self._right.append(np.array([name == answer for name, answer in zip(classes, answers[LABEL], strict=True)]))
        given = [probabilities[name][row] for row, name in enumerate(classes) if name is not None]
        self._errors.append(-np.log(np.clip(np.array(given, dtype=np.float64), LEAST, 1)))

    def _take_numbers(self, answers: NDArray[np.float64], words: Sequence[str], rows: NDArray[Any]) -> None:
        values = plain_numbers(words)
        if values is None:
            bad = next(row for row, word in zip(rows, words, strict=True) if plain_numbers([word]) is None)
            raise RequestError(
                f"Row {bad + 1}: {words[list(rows).index(bad)][:40]!r} is to be right, and is no number."
            )
        self._values.append(values)
        self._errors.append(answers - values)

    def metrics(self) -> dict[str, float]:
        """What is known of all rows by name: `rows`, and accuracy and loss, or errors in the units of the answers."""
        if self._right:
            right, errors = np.concatenate(self._right), np.concatenate(self._errors)
            loss = {"loss": float(errors.mean())} if len(errors) else {}
            return {"rows": len(right), "accuracy": float(right.mean()), **loss}
        if not self._values:
            return {"rows": 0}
        errors, values = np.concatenate(self._errors), np.concatenate(self._values)
        spread = float(np.square(values - values.mean()).sum())
        return {
            "rows": len(values),
            "root_mean_squared_error": float(np.sqrt(np.square(errors).mean())),
            "mean_absolute_error": float(np.abs(errors).mean()),
            **({"r2": 1 - float(np.square(errors).sum()) / spread} if spread else {}),
        }


def is_worse(found: Mapping[str, float], before: Mapping[str, float], rows: int) -> float | None:
    """The p-value of an accuracy that is lower than one of earlier rows (Fisher's exact test), where it is no luck.

    Args:
        found: As `Truth.metrics` gives it.
        before: Metrics of the earlier rows.
        rows: How many these were.
    """
    if "accuracy" not in found or "accuracy" not in before or not rows or not found["rows"]:
        return None
    from scipy import stats

    counts = [(round(each["accuracy"] * count), count) for each, count in ((found, int(found["rows"])), (before, rows))]
    chance = float(stats.fisher_exact([(right, count - right) for right, count in counts], alternative="less").pvalue)
    return chance if chance < UNLIKELY else None


def _spelled(word: str) -> str:
    """A class as it is compared: 1 and 1.0 are one."""
    value = plain_numbers([word])
    return word if value is None else repr(float(value[0]))
