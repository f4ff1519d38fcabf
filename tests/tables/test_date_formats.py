import datetime

import pytest

from kzoo.tables.dates import find_dates


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2024-01-31"], "%Y-%m-%d"),
        (["2012/01/01"], "%Y/%m/%d"),
        (["2024-01-31 10:00", "2024-02-01 9:05"], "%Y-%m-%d %H:%M"),
        (["2024-01-31T10:00:00Z"], "%Y-%m-%dT%H:%M:%S%z"),
        (["2024-01-31T10:00:00.250+02:00"], "%Y-%m-%dT%H:%M:%S.%f%z"),
        (["2024-01-31 10:00:00 UTC"], "%Y-%m-%d %H:%M:%S UTC"),
        (["20240131"], "%Y%m%d"),
        (["2024-01", "2024-12"], "%Y-%m"),
        (["2024/01", "2024/12"], "%Y/%m"),
        (["01/2024", "12/2024"], "%m/%Y"),
        (["2/2024", "12/2024"], "%m/%Y"),
        (["Mar-2018", "May-2018"], "%b-%Y"),
        (["Dec-11", "May-85"], "%b-%y"),
        (["May 2018", "June 2018"], "%B %Y"),
        (["2002 Jan", "2002 May"], "%Y %b"),
        (["2002-January"], "%Y-%B"),
        (["Jan 2 2024"], "%b %d %Y"),
        (["January 2, 2024", "May 3, 2024"], "%B %d, %Y"),
        # pandas-dev/pandas #55244: May is its own short form.
        (["24-May-2022 08:23:07", "01-Jun-2022 00:00:00"], "%d-%b-%Y %H:%M:%S"),
        (["May 3, 2024", "June 4, 2024"], "%B %d, %Y"),
        (["1/31/99 5:30 PM"], "%m/%d/%y %I:%M %p"),
        (["Mon, 01 Jan 2024"], "%a, %d %b %Y"),
        (["10:30", "23:05"], "%H:%M"),
    ],
)
def test_the_format_of_a_column_is_found(words, expected):
    assert find_dates(words).format == expected
    for word in words:
        datetime.datetime.strptime(word, expected)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # pandas-dev/pandas #25847, #12585, #26304: one reading for all rows, not one for each.
        (["01/01/2018", "02/01/2018", "31/01/2018"], "%d/%m/%Y"),
        (["03/09/2018 12:02:00", "14/09/2018 14:09:00"], "%d/%m/%Y %H:%M:%S"),
        (["12.01.2017 17:18", "01.02.2017 11:12"], "%d.%m.%Y %H:%M"),
        (["1/2/2024", "1/31/2024"], "%m/%d/%Y"),
        # Rows in the order of time tell as well.
        (["10/02/2024", "11/02/2024", "01/03/2024"], "%d/%m/%Y"),
    ],
)
def test_day_and_month_are_told_apart_by_the_whole_column(words, expected):
    dates = find_dates(words)
    assert (dates.format, dates.doubtful) == (expected, False)


def test_what_may_be_either_is_doubtful():
    assert find_dates(["1/2/2024", "4/3/2024", "2/2/2024"]).doubtful
    assert not find_dates(["24-May-2022", "25-May-2022"]).doubtful


@pytest.mark.parametrize(
    "words",
    [
        ["13/13/2024"],
        ["20241399"],
        ["1.2.3"],
        ["10.0.19"],
        ["2024-02-30"],
        ["2024-01-01", "x"],
        ["abc"],
        [],
        ["13/2024"],
        ["SKU-2018"],
        ["1981 Q1"],
    ],
)
def test_what_is_no_date_is_none(words):
    assert find_dates(words) is None
