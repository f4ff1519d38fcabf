"""How the text of a file is encoded, found from its bytes."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

from kzoo.errors import DataError

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; those of UTF-32 come first, since one begins as that of UTF-16 does."""

SHOWN = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32": "UTF-32"}

OTHERS = {
    b"PK\x03\x04": "an Excel workbook or a .zip; save the sheet as .csv, or name it .zip",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as .csv",
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "a Feather file; name it .feather",
    b"\x1f\x8b": "packed by gzip; name it .csv.gz",
    b"\x89HDF": "an HDF5 file; save the table as .csv or .parquet",
    b"%PDF": "a PDF; save the table as .csv",
    b"SQLite format 3": "an SQLite database; save the table as .csv",
    b"version https://git-lfs": "what Git LFS keeps in the place of the file; get the file itself (git lfs pull)",
}
"""What other files begin with, and what to do about it."""

BLOCK = 2**20


def find_encoding(file: io.BufferedReader, path: Path) -> str:
    """Finds the encoding of a text file, which is read to its end.

    Args:
        file: The file, at its beginning.
        path: Its name, for messages.

    Returns:
        A name that Python knows: "utf-8" and "utf-8-sig" for UTF-8, "utf-16..." or "utf-32", else "cp1252", as
        Windows writes text in western Europe and America.

    Raises:
        DataError: It is no text, or in none of these encodings; the message names the line.
    """
    block = file.read(BLOCK)
    _check_text(block, path)
    encoding = next((name for mark, name in MARKS.items() if block.startswith(mark)), None) or _utf16(block)
    decoder = codecs.getincrementaldecoder(encoding or "utf-8")()
    western, lines, problem = codecs.getincrementaldecoder("cp1252")(), 0, ""
    while block:
        at = block.find(b"\0") if encoding is None else -1
        if at >= 0:
            raise DataError(
                f"{path}: line {lines + 1 + block.count(10, 0, at)} holds a zero byte; this is no text file."
            )
        problem = problem or _decode(decoder, block, lines)
        if problem and (encoding or _decode(western, block, lines)):
            named = SHOWN.get(encoding or "", "UTF-8")
            raise DataError(f"{path}: {problem} is not {named} as the rest is; save the file in UTF-8.")
        lines += block.count(b"\n")
        block = file.read(BLOCK)
    problem = problem or _decode(decoder, b"", lines, final=True)
    if problem and encoding:
        raise DataError(f"{path}: {problem}, the last, ends within a character; is the file cut off?")
    return "cp1252" if problem else encoding or "utf-8"


def shown_encoding(encoding: str) -> str:
    """The sentence on an encoding that a person wants to know of, or ""."""
    if encoding == "cp1252":
        return "The text is not UTF-8; it is read as cp1252 (Windows, western Europe)."
    return f"The text is {SHOWN[encoding]}." if encoding in SHOWN else ""


def _check_text(block: bytes, path: Path) -> None:
    if not block.strip():
        raise DataError(f"{path}: the file is empty; expected a line of column names, then rows.")
    for mark, what in OTHERS.items():
        if block.startswith(mark):
            raise DataError(f"{path}: this is {what}.")
    if block[:500].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise DataError(f"{path}: line 1 begins a web page, not a table; download the file itself (the raw file).")


def _utf16(block: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of western text is zero."""
    sample = block[: 2 * (min(len(block), 4000) // 2)]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < 0.4 * len(sample) / 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, lines: int, *, final: bool = False) -> str:
    """The place of the first byte that does not fit, or ""."""
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        return f"line {lines + 1 + error.object[: error.start].count(10)}"
    return ""
