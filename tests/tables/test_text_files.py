import gzip
import zipfile

import numpy as np
import pytest

from kzoo.errors import DataError
from kzoo.tables import packed
from kzoo.tables.reading import read_table
from kzoo.tables.survey import survey

LINES = "\n".join(f"{n}.5,{n * n % 7},{'ab'[n % 2]}" for n in range(30))


def read(path, content, target="y", **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, target, **options)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    ("separator", "said"),
    [(",", None), (";", "semicolons"), ("\t", "tabs"), ("|", "|"), (" ", "spaces"), ("   ", "spaces")],
)
def test_the_separator_is_found_and_said(file, separator, said):
    table = read(file, ("x,z,y\n" + LINES).replace(",", separator))
    assert table.frame.columns.tolist() == ["x", "z"] and len(table.frame) == 30
    assert table.remarks == ((f"Fields are separated by {said}.",) if said else ())


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-16", ("The text is UTF-16.",)),
        ("utf-16-le", ("The text is UTF-16.",)),
        ("utf-32", ("The text is UTF-32.",)),
        ("cp1252", ("The text is not UTF-8; it is read as cp1252 (Windows, western Europe).",)),
    ],
)
def test_the_encoding_is_found_and_said(file, encoding, said):
    table = read(file, ("größe,z,y\n" + LINES).encode(encoding))
    assert table.frame.columns.tolist() == ["größe", "z"] and table.remarks == said


def test_an_encoding_that_shows_only_late_in_the_file_is_found(file):
    table = read(file, b"x,y\n" + b"1.5,a\n" * 200_000 + "2.5,é\n".encode("cp1252"))
    assert table.target[-1] == "é"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_are_read(file, ending):
    assert len(read(file, ("x,z,y\n" + LINES).replace("\n", ending)).frame) == 30


def test_packed_files_are_read(tmp_path):
    text = "x,z,y\n" + LINES
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("__MACOSX/._b.csv", "x")
        archive.writestr("data/b.csv", text.replace(",", ";"))
    for name in ("a.csv.gz", "b.zip"):
        assert len(read_table(tmp_path / name, "y").frame) == 30


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "LARGEST", 2**20)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n" + b"1,2\n" * 2**19))
    with pytest.raises(DataError, match="unpacks to more than"):
        read_table(tmp_path / "a.csv.gz", "y")


@pytest.mark.parametrize(
    ("content", "target", "columns"),
    [
        # All numbers, or values that come again below: no names.
        (LINES, "#3", ["column_1", "column_2"]),
        ("\n".join(f"{n % 3},{n % 5},{n % 2}" for n in range(30)), "#3", ["column_1", "column_2"]),
        (
            "\n".join(f"{'pe'[n % 2]},{'xbs'[n % 3]},{'nyw'[n // 2 % 3]}" for n in range(30)),
            "#1",
            ["column_2", "column_3"],
        ),
        # Names all the same.
        ("0,1,y\n" + LINES, "y", ["0", "1"]),
        ("0,1,2\n" + LINES, "2", ["0", "1"]),
        ("1990,1991,country\n" + LINES, "country", ["1990", "1991"]),
    ],
)
def test_a_line_of_names_is_told_from_a_row(file, content, target, columns):
    table = read(file, content, target)
    assert [column.name for column in table.columns] == columns
    assert len(table.frame) == 30


def test_columns_without_names_are_said(file):
    remark = read(file, LINES, "#3").remarks[0]
    assert remark == "The first line holds values, not names: the columns are called column_1 to column_3."


@pytest.mark.parametrize(
    "before",
    [
        "Report of 2026\n\n",
        "# made by a tool\n# on Monday, at noon\n",
        # FireBird-Technologies/Auto-Analyst #125.
        'Notes:\n"When exporting your data, you may notice, that some is missing"\n\n',
    ],
)
def test_lines_before_the_names_are_passed_over_and_said(file, before):
    for target in ("y", "#3"):
        table = read(file, before + "x,z,y\n" + LINES, target)
        assert table.frame.columns.tolist() == ["x", "z"] and len(table.frame) == 30
        assert "what is before it is passed over" in table.remarks[0]


def test_carets_separate(file):
    assert read(file, ("x,z,y\n" + LINES).replace(",", "^")).remarks == ("Fields are separated by ^.",)


def test_what_excel_says_of_the_separator_is_passed_over(file):
    table = read(file, "sep=;\nx;z;y\n" + LINES.replace(",", ";"))
    assert len(table.frame) == 30 and table.remarks == ("Fields are separated by semicolons.",)


def test_names_of_rows_as_r_writes_them_are_left_out(file):
    lines = "\n".join(f'"{n}" {n}.5 {n % 7} "{"ab"[n % 2]} c"' for n in range(1, 31))
    table = read(file, '"x" "z" "y"\n' + lines)
    assert [(column.name, column.kind) for column in table.columns][0] == ("column_1", "left out")
    assert table.target[0] == "b c"


def test_decimal_commas_between_spaces_are_no_separators(file):
    # Rdatatable/data.table #2430.
    lines = "\n".join(f"{n % 6} {n % 2} {n},{n % 10}" for n in range(30))
    table = read(file, "block N y\n" + lines)
    assert table.target[:3].tolist() == [0.0, 1.1, 2.2]


@pytest.mark.parametrize(
    "content",
    [
        # bis-med-it/pysdmx #460, python/cpython #119123 and #97611: other signs within the fields.
        "a,b,y\n" + "\n".join(f"X|Y{n % 3},A|B{n % 4},{n % 2}" for n in range(30)),
        "a;b;y\n" + "\n".join(f"['112', '{n % 3}'];{n % 5};{n % 2}" for n in range(30)),
        "a b\tc d\ty\n" + "\n".join(f"one two {n % 3}\tthree four {n % 4}\t{n % 2}" for n in range(30)),
    ],
)
def test_signs_within_fields_do_not_separate(file, content):
    assert len(read(file, content).columns) == 2


def test_a_long_line_at_the_end_of_the_sample_does_not_mislead(file):
    # python/cpython #110128: the sample ends within a line.
    table = read(file, "x\ty\n" + "\n".join(f"{'word, ' * 2000}{n % 3}\t{n % 2}" for n in range(200)))
    assert len(table.columns) == 1


def test_empty_columns_and_separators_at_the_ends_of_lines_are_harmless(file):
    # qiita-spots/qiita #3076.
    lines = LINES.replace("\n", ",,\n") + ",,"
    table = read(file, "x,z,y,,\n" + lines)
    assert [column.reason for column in table.columns[2:]] == ["empty", "empty"]
    lines = LINES.replace("\n", ",\n") + ","
    assert read(file, "x,z,y\n" + lines).frame["x"][0] == 0.5


def test_names_that_joined_files_repeat_are_passed_over(file):
    # dotnet/machinelearning-modelbuilder #698.
    table = read(file, f"x,z,y\n{LINES}\nx,z,y\n{LINES}")
    assert len(table.frame) == 60 and table.columns[0].kind == "number"
    assert "there again (line 32)" in table.remarks[0]
    assert table.rows[-1] == 61


def test_columns_of_one_name_are_told_apart(file):
    table = read(file, "x,x,y\n" + LINES)
    assert table.frame.columns.tolist() == ["x", "x_2"] and "Column 2 is called 'x' as another is" in table.remarks[0]


def test_short_lines_are_said(file):
    table = read(file, f"x,z,y\n{LINES}\n5,6\n7.5,8,a\n")
    assert table.remarks[0].startswith("1 line has fewer than 3 fields (line 32 has 2)")
    assert table.remarks[1] == "1 row without a target is left out, row 31."
    assert "is the file cut off?" in read(file, f"x,z,y\n{LINES}\n5").remarks[0]


def test_decimal_signs_in_doubt_are_those_of_the_other_columns(file):
    lines = "\n".join(f"{n},{n * 37 % 1000:03};{n},5;{n % 2}" for n in range(1, 30))
    table = read(file, "x;z;y\n" + lines)
    assert table.frame["x"][0] == 1.037 and "'1,037' may be read in two ways" in "".join(table.remarks)
    lines = "\n".join(f'"{n},{n * 37 % 1000:03}",{n}.5,{n % 2}' for n in range(1, 30))
    assert read(file, "x,z,y\n" + lines).frame["x"][0] == 1037


def test_numbers_are_exact(file):
    values = np.random.default_rng(1).normal(size=200) * 10.0 ** np.arange(-100, 100)
    table = read(file, "x,y\n" + "".join(f"{float(value)!r},{n % 2}\n" for n, value in enumerate(values)))
    assert (table.frame["x"].to_numpy() == values).all()


def test_quoted_fields_hold_separators_quotes_and_line_breaks(file):
    table = read(file, "x,y\n" + '"a ""b"",\nc",1\n"d",0\n' * 10)
    assert table.frame["x"][0] == 'a "b",\nc' and len(table.frame) == 20


def test_quotes_after_a_backslash_are_part_of_a_field(file):
    # sqlitebrowser/sqlitebrowser #1032.
    lines = "".join(f'"{n % 3}","naka, \\"who\'s there?\\" kebab","{n % 2}"\n' for n in range(30))
    table = read(file, '"x","z","y"\n' + lines, keep=["z"])
    assert table.frame["z"][0] == 'naka, "who\'s there?" kebab' and len(table.frame) == 30
    lines = "".join(f'"C:\\{n % 3}\\","{n % 2}"\n' for n in range(30))
    assert read(file, '"x","y"\n' + lines).frame["x"][0] == "C:\\0\\"


def test_a_target_may_be_left_open(file):
    file.write_text("x,z,y\n" + LINES)
    found = survey(file)
    assert [each.column.name for each in found.columns] == ["x", "z", "y"] and not found.targets
    with pytest.raises(DataError, match="name the column to predict with target= .--target.; there are x, z, y"):
        read_table(file, None)
