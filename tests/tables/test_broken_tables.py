"""Each form of a file broken in three ways: one line that names the place and the mend."""

import gzip
import io
import zipfile

import pytest

from kzoo.errors import DataError
from kzoo.tables.reading import read_table

TEXT = "x,y\n" + "1.5,a\n2.5,b\n" * 20


def packed(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return file.getvalue()


def refused(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read_table(path, "y")
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 400
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        # codalab/codalab-competitions #2696, ludwig-ai/ludwig #201.
        ("a.csv", TEXT + "1,2,3\n", "line 42 has 3 fields where there are 2 columns; put a field that holds the"),
        ("a.csv", TEXT + '"1,a\n' + TEXT, "line 42: a quotation mark is not closed; close it, or double it"),
        ("a.csv", "x,y,z\n1,2\n3,4\n5,6,7\n8,9\n", "line 2 has 2 of 3 fields, as most lines; give each column a name"),
        ("a.csv", "x,y\n", "there are column names and no rows"),
        ("a.csv", "", "the file is empty; expected a line of column names"),
        ("a.csv", b"x,y\n1,\0\n", "line 2 holds a zero byte"),
        ("a.csv", b"x,y\n1,\x81\xff\n", "line 2 is not UTF-8 as the rest is; save the file in UTF-8"),
        ("a.csv", "<!DOCTYPE html>\n<html>", "line 1 begins a web page, not a table; download the file itself"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\nsize 9\n", "this is what Git LFS keeps in the place of"),
        ("a.csv", '{"x": 1, "y": "a"}\n{"x": 2, "y": "b"}\n', "line 1 is a JSON object; name the file .jsonl."),
        ("a.csv", b"PK\3\4......", "this is an Excel workbook or a .zip; save the sheet as .csv"),
        ("a.tsv", TEXT.replace(",", "\t") + "1\t2\t3\n", "line 42 has 3 fields"),
        ("a.tsv", b"PAR1....", "this is a Parquet file; name it .parquet"),
        ("a.tsv", "x\ty\n", "there are column names and no rows"),
        ("a.txt", TEXT.replace(",", " ") + "1 2 3\n", "line 42 has 3 fields"),
        ("a.txt", TEXT.encode("utf-16")[:-1], "line 42, the last, ends within a character; is the file cut off?"),
        ("a.txt", "   \n\n", "the file is empty"),
        ("a.csv.gz", gzip.compress(TEXT.encode())[:-9], "damaged or cut off"),
        ("a.csv.gz", TEXT, "damaged or cut off"),
        ("a.csv.gz", gzip.compress(b""), "the file is empty"),
        ("a.zip", packed(a_csv=TEXT, b_csv=TEXT), "holds 2 files (a.csv, b.csv); unpack it and name one"),
        ("a.zip", packed(a_csv=TEXT)[:-20], "damaged or cut off"),
        ("a.zip", packed(), "holds 0 files; unpack it"),
        ("a.zip", packed(a_pdf="x"), "the ending .pdf is of no table"),
        ("a.jsonl", '{"x": 1, "y": 2}\n{"x": 1,\n', "line 2 is not JSON"),
        ("a.jsonl", '[{"x": 1, "y": 2}]\n', 'line 1 is not an object such as {"age": 39}; write one a row'),
        ("a.jsonl", '[\n{"x": 1, "y": 2}]\n', "line 1 is not JSON of an array: write one object a line"),
        ("a.jsonl", "\n", "the file is empty"),
        ("a.xlsx", b"PK\3\4......", "workbooks are not read; save the sheet as .csv"),
        ("a.pdf", "x", "the ending .pdf is of no table"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path, name, content, message):
    assert message in refused(tmp_path / name, content)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_broken_arrow_files_are_refused_in_one_line(tmp_path, ending):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"x": range(1000), "y": range(1000)})
    path = tmp_path / f"a.{ending}"
    getattr(frame, f"to_{ending}")(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", TEXT.encode(), whole[:-200] + b"\xff" * 200):
        assert "damaged, cut off or of another form" in refused(path, content)


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "a.csv", "y")
    with pytest.raises(DataError, match="is a folder, not a table"):
        read_table(tmp_path, "y")
