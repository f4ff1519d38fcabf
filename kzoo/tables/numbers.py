"""Numbers as people write them: 1,234.5 and 1.234,5 and $12 and (12) and 50%."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Decimal = Literal[".", ","]

_GROUPS = r"[1-9]\d{0,2}(?:(?:S\d{3})+|(?:[ ]\d{3})+|(?:'\d{3})+)|[1-9]\d?(?:S\d{2})+S\d{3}|\d+"
_NUMBER = rf"[+-]?(?:(?:{_GROUPS})(?:D\d*)?|D\d+)(?:[eE][+-]?\d+)?"

WRITTEN: dict[Decimal, re.Pattern[str]] = {
    ".": re.compile(_NUMBER.replace("S", ",").replace("D", r"\.")),
    ",": re.compile(_NUMBER.replace("S", r"\.").replace("D", ",")),
}
"""A number by its decimal sign. The last form of groups is Indian: 12,34,567."""

SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'"})
"""Spaces within numbers, the minus of typesetters and the Swiss apostrophe, as they are on a keyboard."""

_SIGNS = r"[$€£¥₹₽₩₺₫฿₴₪]|[A-Z]{1,3}\$|USD|EUR|GBP|CHF|JPY|INR|CNY|CAD|AUD|SEK|NOK|DKK|PLN|BRL|kr\.?|zł|Rs\.?|Kč"
_MONEY = re.compile(
    rf"(?P<minus>[+-]?)(?P<before>{_SIGNS})? ?(?P<digits>[+-]?[\d.,' ]*\d[\d.,]*) ?(?P<after>{_SIGNS})?"
)

_UNIT = r"[°µ]?[^\W\d_]+[²³23]?(?:/[^\W\d_]+[²³23]?)?"
_MEASURED = re.compile(
    rf"(?P<digits>[+-]?[\d.,' ]*\d[\d.,]*)(?: (?=\D)|(?=[°µ]|[^\W\d_]*[a-zµ][^\W\d_]))(?P<unit>{_UNIT})"
)


@dataclasses.dataclass(frozen=True)
class Written:
    """How the numbers of a column are written.

    Attributes:
        decimals: The decimal signs that all of them can be read with.
        sign: The currency, per cent sign or unit that is beside them, or "".
        bare: The numbers without it.
    """

    decimals: tuple[Decimal, ...]
    sign: str
    bare: tuple[str, ...]

    @property
    def doubtful(self) -> bool:
        """Whether the two decimal signs give two readings: 1,234 but not 1234."""
        return len(self.decimals) == 2 and any("," in word or "." in word for word in self.bare)


def looks_like_number(word: str) -> bool:
    """Whether one field is a number, plain or written otherwise."""
    return plain_numbers([word]) is not None or find_written([word]) is not None


def plain_numbers(words: Sequence[str]) -> NDArray[np.float64] | None:
    """The numbers of words that computers write, exactly, or None if one is not such."""
    try:
        numbers = np.array(list(map(float, words)), dtype=np.float64)
    except ValueError:
        return None
    # Python takes 1_000 as well, which nobody writes into a table, and words.
    words_of_python = not np.isfinite(numbers).all() and any("n" in word.lower().replace("inf", "") for word in words)
    return None if words_of_python or "_" in "".join(words) else numbers


def numbers_among(words: Collection[str]) -> tuple[float, ...]:
    """Those of the words that are finite numbers."""
    found = (plain_numbers([word]) for word in words)
    return tuple(float(each[0]) for each in found if each is not None and np.isfinite(each[0]))


def find_written(words: Iterable[str]) -> Written | None:
    """Finds how numbers are written, or None where one of the words is not a number."""
    decimals: list[Decimal] = [".", ","]
    signs, bare = set(), []
    for word in words:
        sign, digits = _without_sign(word.translate(SPACES))
        decimals = [each for each in decimals if WRITTEN[each].fullmatch(digits)]
        if not decimals:
            return None
        signs.add(sign)
        bare.append(digits)
    # Euros among dollars are no amounts of one unit, and 5% is not 5. A currency may be left out.
    if len(signs - {""}) > 1 or ("%" in signs and "" in signs):
        return None
    return Written(tuple(decimals), max(signs, default=""), tuple(bare))


def find_measured(words: Iterable[str]) -> Written | None:
    """Finds how numbers are written that all have one unit: 23.4 kmpl, 5mm, 20 °C. None where they have not.

    Without a space before it a unit has a small letter: what is written as 12AB may be a name.
    """
    found = [_MEASURED.fullmatch(word.translate(SPACES)) for word in words]
    units = {each["unit"] for each in found if each}
    written = find_written(each["digits"] for each in found if each) if all(found) and len(units) == 1 else None
    return dataclasses.replace(written, sign=units.pop()) if written and not written.sign else None


def numbers_as_written(written: Written, decimal: Decimal) -> NDArray[np.float64]:
    """The numbers; 12% is 12.

    Args:
        written: What `find_written` found.
        decimal: The decimal sign to read them with, one of `written.decimals`.
    """
    groups = ",' " if decimal == "." else ".' "
    drop = str.maketrans({**dict.fromkeys(groups), ",": "." if decimal == "," else None})
    return np.array([float(word.translate(drop)) for word in written.bare], dtype=np.float64)


def _without_sign(word: str) -> tuple[str, str]:
    """The currency or per cent sign, and the digits: (12) is -12, as bookkeepers write."""
    minus = ""
    if word[:1] == "(" and word[-1:] == ")":
        word, minus = word[1:-1].strip(), "-"
    if word[-1:] == "%":
        return "%", minus + word[:-1].rstrip()
    found = _MONEY.fullmatch(word)
    if not found or not (found["before"] or found["after"]):
        return "", minus + word
    return found["before"] or found["after"], minus + found["minus"] + found["digits"].strip()
