"""Bodies of requests as the server's JSON parser reads them, which is in places another JSON than Python's.

References:
    tensorflow_serving/util/json_tensor.cc, ParseJson: RapidJSON 1.1.0, iterative, with NaN and Infinity, and done when
    the first value is.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np

from kzoo.export.errors import RequestError

NESTED = 256
"""Levels of lists and objects, at most. A tensor has 254 dimensions at most."""

# In its normal precision the server's parser multiplies by a power of ten; what overflows on the way is refused.
_LARGEST_TENTH = 1.7976931348623157e307
_LARGEST_EXPONENT = 308
_EXACT_INTEGER = 2**53 - 1
_SIGNIFICANT = 17
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([-+]?)([0-9]+))?")
# What the numbers have in them that the server may read in another way than Python, with 0 for every digit.
_UNUSUAL = (b"0" * 19, b"0e000", b"0e+000", b"0e-000")
_ZEROS = bytes.maketrans(b"123456789E", b"000000000e")
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(code for code in range(256) if code not in b"[{]}")
# Text in quotes; text that does not end goes to the end, so that no quote in it is looked at as a beginning.
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_TEXT = re.compile(_QUOTED.encode(), re.DOTALL)
_TOKENS = re.compile(rf"{_QUOTED}|-NaN|Inf(?!i)", re.DOTALL)
_LONE_SURROGATE = re.compile(
    r"\\(?:(?P<lone>u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2}))|.)", re.DOTALL
)


class Repeated(dict[str, Any]):
    """An object in which a name stands more than once.

    Looked up, a name gives its first value, as in the server.

    Attributes:
        pairs: All names with their values, in order.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs


@dataclasses.dataclass(frozen=True)
class Body:
    """A request body, parsed.

    Attributes:
        fields: The object that it is.
        errors: How its text becomes bytes again, for `str.encode`.
        booleans: Whether "true" or "false" stands anywhere in it.
    """

    fields: dict[str, Any]
    errors: str = "surrogatepass"
    booleans: bool = True

    def encode(self, text: str) -> bytes:
        """A text of the body as the bytes that the server has for it."""
        return text.encode("utf-8", self.errors)


def parse_body(body: bytes) -> Body:
    """Parse a request body.

    Args:
        body: The body as it was sent.

    Returns:
        The object in it. Integers of more than 64 bits are floats.

    Raises:
        RequestError: The server would refuse it as JSON, or it is nested deeper than `NESTED`.
    """
    text, errors = _decoded(body)
    if _depth(body) > NESTED and _depth(_TEXT.sub(b"", body)) > NESTED:
        raise RequestError(f"The body is nested deeper than {NESTED} levels.")
    fields = _loaded(text, exact=_has_unusual_number(body))
    if not isinstance(fields, dict):
        raise RequestError('A request body is a JSON object, with "instances", "inputs" or "examples".')
    return Body(fields, errors, booleans=b"true" in body or b"false" in body)


def _decoded(body: bytes) -> tuple[str, str]:
    # The server skips a byte order mark and does not look whether text is UTF-8.
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        text, errors = body.decode(), "surrogatepass"
    except UnicodeDecodeError:
        text, errors = body.decode(errors="surrogateescape"), "surrogateescape"
    if "\\u" in text:
        if any(match["lone"] for match in _LONE_SURROGATE.finditer(text)):
            raise RequestError("not JSON: the first half of a surrogate pair stands alone (\\uD800 to \\uDBFF).")
        if errors == "surrogateescape" and re.search(r"\\u[dD][89a-fA-F]", text):
            raise RequestError("not JSON: surrogates are written as escapes in a text that is not UTF-8.")
    return text, errors


def _loaded(text: str, exact: bool) -> Any:
    start = len(text) - len(text.lstrip(" \t\r\n"))
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=_integer if exact else None,
        parse_float=_float if exact else None,
    )
    try:
        # What follows the first value is not looked at.
        return decoder.raw_decode(text, start)[0]
    except json.JSONDecodeError as error:
        spelled = _TOKENS.sub(_spelled, text)
        if spelled != text:
            return _loaded(spelled, exact)
        raise RequestError(f"not JSON ({error.msg}, line {error.lineno} column {error.colno}).") from None
    except RecursionError:
        raise RequestError("The body is nested too deep.") from None


def _spelled(token: re.Match[str]) -> str:
    """Python's spellings for the server's further ones of numbers that are none."""
    return {"-NaN": "NaN", "Inf": "Infinity"}.get(token[0], token[0])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Repeated(pairs)


def _depth(content: bytes) -> int:
    """Levels of lists and objects, brackets within text counted as well."""
    steps = np.frombuffer(content.translate(_STEPS, _NO_BRACKETS), np.int8)
    return int(np.cumsum(steps, dtype=np.int64).max(initial=0))


def _has_unusual_number(body: bytes) -> bool:
    """Whether a number has so many digits, or an exponent of three or more, that it needs a closer look."""
    zeros = body.translate(_ZEROS)
    return any(each in zeros for each in _UNUSUAL)


def _integer(literal: str) -> int | float:
    if len(literal) <= 20:
        number = int(literal)
        if -(2**63) <= number < 2**64:
            return number
    return _float(literal)


def _float(literal: str) -> float:
    """A number as the server's parser computes it, RapidJSON's `ParseNumber`."""
    match = _NUMBER.fullmatch(literal)
    assert match is not None  # the JSON parser has found a number there
    sign, whole, fraction, exponent_sign, exponent_digits = match.groups(default="")
    significand, shift = _significand(sign, whole, fraction, literal)
    exponent = int(exponent_digits[:10] or 0)
    if exponent_sign == "-":
        exponent = -exponent
    elif len(exponent_digits) > 1 and exponent > _LARGEST_EXPONENT + shift:
        raise _too_big(literal)
    value = _scaled(significand, exponent - shift)
    return -value if sign else value


def _significand(sign: str, whole: str, fraction: str, literal: str) -> tuple[float, int]:
    """Digits as one number, and how many of them stand behind the point; some of the last are not read."""
    most = 2**63 if sign else 2**64 - 1
    if len(whole) > 20 or int(whole) > most:
        kept = 20 if int(whole[:20]) <= most else 19 if int(whole[:19]) <= most else 18
        number = float(int(whole[:kept]))
        for digit in whole[kept:]:
            if number >= _LARGEST_TENTH:
                raise _too_big(literal)
            number = number * 10 + int(digit)
        return number, 0
    integer, significant, read = int(whole), len(whole) - 1, 0
    while read < len(fraction) and integer <= _EXACT_INTEGER:
        integer = integer * 10 + int(fraction[read])
        significant += integer != 0
        read += 1
    number = float(integer)
    for digit in fraction[read : read + max(0, _SIGNIFICANT - significant)]:
        number = number * 10 + int(digit)
        read += 1
    return number, read


def _scaled(number: float, power: int) -> float:
    if power < -_LARGEST_EXPONENT:
        number, power = number / 1e308, power + _LARGEST_EXPONENT
        if power < -_LARGEST_EXPONENT:
            return 0.0
    power_of_ten = float(f"1e{abs(power)}")
    return number * power_of_ten if power >= 0 else number / power_of_ten


def _too_big(literal: str) -> RequestError:
    shown = literal if len(literal) <= 40 else f"{literal[:37]}..."
    return RequestError(f"not JSON: the number {shown} is too big.")
