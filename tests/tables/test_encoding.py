"""Columns as numbers: what is learned of the training rows, and what becomes of other rows."""

import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from kzoo.tables.calendar import pattern_of
from kzoo.tables.columns import Column
from kzoo.tables.dates import find_dates
from kzoo.tables.decoding import NEAR
from kzoo.tables.encoding import TableEncoding
from kzoo.tables.learning import FEWEST, MOST_ONE_HOT, MOST_OWN, MOST_WORDS, learn
from kzoo.tables.topics import MOST_TOPICS

AGE, WORK, KEEN, WHEN, NOTE = (
    Column("age", "number"),
    Column("work", "category"),
    Column("keen", "boolean"),
    Column("when", "date", date_format="%Y-%m-%d"),
    Column("note", "text"),
)


def encoded(column, values, others=None):
    encoding = learn({column.name: values}, [column])
    x = encoding.encode({column.name: values if others is None else others})
    return encoding, x


def test_a_missing_number_is_the_median_and_said():
    encoding, x = encoded(AGE, [1.0, np.nan, 2.0, 9.0])
    assert encoding.features == ("age", "age is missing")
    np.testing.assert_array_equal(x, [[1, 0], [2, 1], [2, 0], [9, 0]])


def test_a_number_that_was_never_missing_has_no_number_for_it():
    encoding, x = encoded(AGE, [1.0, 2.0, 9.0], [np.nan])
    assert encoding.features == ("age",)
    np.testing.assert_array_equal(x, [[2]])


def test_words_that_are_frequent_have_a_number_each_and_rare_ones_share_one():
    values = ["a"] * FEWEST + ["b"] * FEWEST + ["c"] * (FEWEST - 1) + [None] * FEWEST
    encoding, x = encoded(WORK, values, ["a", "b", "c", "never seen", None, ""])
    assert encoding.features == ("work is missing", "work=a", "work=b", "work=other")
    np.testing.assert_array_equal(x, np.eye(4)[[1, 2, 3, 3, 0, 0]])


def test_without_rare_words_one_that_was_never_seen_is_none_of_them():
    encoding, x = encoded(WORK, ["a"] * FEWEST + ["b"] * FEWEST, ["never seen", None])
    assert encoding.features == ("work=a", "work=b")
    np.testing.assert_array_equal(x, np.zeros((2, 2)))


def test_spaces_around_a_word_do_not_count_and_words_for_missing_are():
    encoding, x = encoded(WORK, ["a"] * FEWEST + [None] * FEWEST, [" a\t", "NA", "null", "na"])
    assert encoding.features == ("work is missing", "work=a")
    np.testing.assert_array_equal(x, [[0, 1], [1, 0], [1, 0], [0, 0]])


def test_a_category_of_many_words_keeps_the_most_frequent():
    values = [f"w{number}" for number in range(MOST_WORDS + 9) for _ in range(FEWEST + number)]
    encoding, _ = encoded(WORK, values)
    assert encoding.codes == (MOST_WORDS + 1,) and "w8" not in encoding.columns[0].words


def test_a_category_of_many_words_is_one_number_after_all_others():
    words = [f"w{number:02d}" for number in range(MOST_ONE_HOT)]
    few = {"work": words * FEWEST, "age": [1.0] * len(words) * FEWEST}
    assert learn(few, [WORK, AGE]).codes == ()
    many = {"work": [*words, None] * FEWEST, "age": [1.0] * (len(words) + 1) * FEWEST}
    encoding = learn(many, [WORK, AGE])
    assert encoding.features == ("age", "work") and encoding.codes == (MOST_ONE_HOT + 2,)
    assert encoding.indicators.tolist() == [False, False]
    x = encoding.encode({"work": ["w00", "", " w09 ", "never seen", None, "NA"], "age": [2.0] * 6})
    np.testing.assert_array_equal(x, np.transpose([[2] * 6, [1, 0, 10, 11, 0, 0]]))
    found = encoding.decode(x)
    assert [*found] == ["work", "age"] and found["work"].tolist() == ["w00", "", "w09", "other", "", ""]
    assert TableEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


def test_an_encoding_written_before_there_were_codes_is_read():
    encoding, _ = encoded(WORK, ["a"] * FEWEST)
    written = encoding.to_dict()
    del written["columns"][0]["coded"]
    assert TableEncoding.from_dict(written) == encoding


def test_a_boolean_is_one_number():
    encoding, x = encoded(KEEN, ["yes", "no", "yes", None, "yes"], ["yes", "no", None, "perhaps"])
    assert encoding.features == ("keen", "keen is missing")
    np.testing.assert_array_equal(x, [[1, 0], [0, 0], [0.75, 1], [0.75, 1]])


def test_a_boolean_with_a_third_word_is_a_category():
    encoding, _ = encoded(KEEN, ["yes", "no", "perhaps"] * FEWEST)
    assert encoding.columns[0].kind == "category"


def test_a_text_is_the_tokens_that_are_frequent():
    values = ["The fox, the dog"] * FEWEST + ["a FOX"] * FEWEST + ["été"]
    encoding, x = encoded(NOTE, values, ["fox!", None, "dog;the", "cat"])
    assert encoding.features == ("note~a", "note~dog", "note~fox", "note~the")
    np.testing.assert_array_equal(x, [[0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])


def test_numbers_of_a_row_are_in_the_order_of_the_columns():
    columns = (WORK, AGE, KEEN, Column("size", "number"), Column("town", "category"), Column("pay", "number"))
    held = {
        "work": ["a", "b"] * FEWEST,
        "age": [1.0, np.nan] * FEWEST,
        "keen": ["no", "yes"] * FEWEST,
        "size": [2.0, 4.0] * FEWEST,
        "town": [f"t{number}" for number in range(MOST_ONE_HOT + 1)] * 2 * FEWEST,
        "pay": [np.nan, 7.0] * FEWEST,
    }
    held = {name: (values * 99)[: len(held["town"])] for name, values in held.items()}
    encoding = learn(held, columns)
    assert encoding.features == (
        *("work=a", "work=b", "age", "age is missing", "keen", "size", "pay", "pay is missing", "town"),
    )
    np.testing.assert_array_equal(encoding.encode(held)[:2], [[1, 0, 1, 0, 0, 2, 7, 1, 0], [0, 1, 1, 1, 1, 4, 7, 0, 1]])


def stories(rows, of=400, seed=0):
    rng = np.random.default_rng(seed)
    frequent = rng.zipf(1.3, (rows, 40)) % of
    return [" ".join(f"Word{number}" for number in row[: 4 + place % 30]) for place, row in enumerate(frequent)]


def test_a_text_of_many_tokens_is_its_topics():
    values = stories(300)
    encoding, x = encoded(NOTE, values)
    [column] = encoding.columns
    assert MOST_OWN < len(column.words) < 400 and column.vectors.shape == (len(column.words), MOST_TOPICS)
    assert encoding.features[:2] == ("note topic 1", "note topic 2") and not encoding.indicators.any()
    tfidf = TfidfVectorizer(binary=True, vocabulary=column.words).fit_transform(values)
    expected = normalize(TruncatedSVD(MOST_TOPICS, algorithm="arpack", random_state=0).fit_transform(tfidf))
    np.testing.assert_allclose(x, expected, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)


def test_topics_are_of_the_tokens_that_are_known_and_of_each_once():
    values = stories(300)
    encoding, x = encoded(NOTE, values, ["word1 WORD1, word2", "word2 word1 ?? never", "", None, "never seen"])
    np.testing.assert_array_equal(x[0], x[1])
    assert np.linalg.norm(x[0]) == pytest.approx(1)
    np.testing.assert_array_equal(x[2:], 0)


def test_topics_are_those_of_training_and_near_words_tell_of_them():
    values = stories(300)
    encoding, x = encoded(NOTE, values)
    near = encoding.decode(x)["note"]
    assert all(len(set(words.split())) == NEAR for words in near)
    shared = [len({*words.split()} & {*text.lower().split()}) for words, text in zip(near, values, strict=True)]
    others = [len({*words.split()} & {*text.lower().split()}) for words, text in zip(near, values[1:], strict=False)]
    assert np.mean(shared) > 2 * np.mean(others)
    assert encoding.decode(np.zeros((1, MOST_TOPICS)))["note"].tolist() == [""]


def test_few_texts_have_few_topics():
    words = " ".join(f"w{number}" for number in range(2 * MOST_OWN))
    encoding, x = encoded(NOTE, [words, *[f"{words} other"] * (FEWEST + 1)])
    assert len(encoding.features) <= 2 and np.isfinite(x).all()


@pytest.mark.parametrize("topics", ["AAAA", "no base64!", "AHwAfA==", "é"])
def test_topics_that_are_none_of_these_words_are_said_when_they_are_read(topics):
    column = {"name": "note", "kind": "text", "words": ["a", "b"], "missing_words": [], "topics": topics}
    with pytest.raises(ValueError, match="not a description of a table"):
        TableEncoding.from_dict({"columns": [column]})


FORMATS = (
    *("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%d %b %Y", "%B %d, %Y", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S.%f%z", "%m/%d/%Y %I:%M %p", "%a, %d %b %Y", "%A %B %d, %Y", "%Y-%m-%d %H:%M UTC"),
    *("%b-%Y", "%b-%y", "%Y %B", "%m/%Y", "%Y/%m"),
)


@pytest.mark.parametrize("date_format", FORMATS)
def test_dates_are_those_of_pandas(date_format):
    stamps = pandas.Series(pandas.date_range("1969-12-28 23:59", "2068-03-02", periods=4001, tz="UTC"))
    dates = stamps.dt.strftime(date_format).astype(object)
    column = Column("when", "date", date_format=date_format)
    encoding, x = encoded(column, dates)
    read = pandas.to_datetime(dates, format=date_format, utc=True)
    place = {name: number for number, name in enumerate(encoding.features)}
    days = (read - pandas.Timestamp("1970-01-01", tz="UTC")) // pandas.Timedelta("1D")
    np.testing.assert_array_equal(x[:, place["when days"]], days.to_numpy())
    weekdays = x[:, place["when Monday"] : place["when Sunday"] + 1]
    np.testing.assert_array_equal(weekdays.argmax(axis=1), read.dt.day_of_week.to_numpy())
    angle = (read.dt.day_of_year.to_numpy() - 1) * 2 * np.pi / 365.25
    np.testing.assert_allclose(x[:, place["when year sin"]], np.sin(angle), atol=1e-6)
    if "%H" in date_format or "%I" in date_format:
        hours = (read.dt.hour + read.dt.minute / 60).to_numpy()
        np.testing.assert_allclose(x[:, place["when day cos"]], np.cos(hours * 2 * np.pi / 24), atol=1e-6)
    # As near as it can be told from the numbers.
    again = encoding.encode(encoding.decode(x))
    np.testing.assert_array_equal(again[:, 0], x[:, 0])


@pytest.mark.parametrize("word", [None, "", "2001-02-29", "1900-02-29", "2001-13-01", "2001-1", "soon", "2001-00-10"])
def test_what_is_no_date_is_missing(word):
    encoding, x = encoded(WHEN, ["2001-01-01", "2001-01-03", None], [word, "2000-02-29"])
    assert encoding.features[-1] == "when is missing"
    # The median of the days that are known, and none of the rest.
    np.testing.assert_array_equal(x[0], [11324, *[0] * 9, 1])
    assert x[1, -1] == 0


def test_a_month_is_its_first_day_and_a_time_of_day_has_no_day():
    month = Column("when", "date", date_format="%b %Y")
    encoding, x = encoded(month, ["Jan 1970", "Mar 1970"], ["Feb 1970", "Foo 1970"])
    np.testing.assert_array_equal(x[:, 0], [31, 29.5])
    assert encoding.decode(x)["when"][0] == "Feb 1970"
    clock = Column("when", "date", date_format="%H:%M")
    encoding, x = encoded(clock, ["06:00", "18:00", ""], ["12:00", "25:00", "06:30"])
    assert encoding.features == ("when day sin", "when day cos", "when is missing")
    np.testing.assert_allclose(
        x, [[0, -1, 0], [0, 0, 1], [np.sin(6.5 / 12 * np.pi), np.cos(6.5 / 12 * np.pi), 0]], atol=1e-6
    )
    assert encoding.decode(x)["when"].tolist() == ["12:00", "", "06:30"]


def test_every_format_that_is_found_is_one_that_can_be_taken_apart():
    for date in (
        "2021-03-04",
        "4.3.2021",
        "3/14/21",
        "Mon, Mar 14 2021",
        "Monday 14 March 2021",
        "14-Mar-21",
        "May 2021",
    ):
        for clock in ("", " 7:05", "T07:05:06.123Z", " 07:05:06 PM", ", 7:05 am", " 07:05 +02:00", " 07:05:06 UTC"):
            found = find_dates([date + clock])
            assert found is None or pattern_of(found.format), date + clock
    for word in ("20210314", "2021-03", "7:05", "07:05:06 PM"):
        assert pattern_of(find_dates([word]).format)


@pytest.mark.parametrize("date_format", ["%Y", "%Y-%j", "%d.%m."])
def test_a_format_that_gives_no_date_is_refused(date_format):
    with pytest.raises(ValueError, match="the date format"):
        pattern_of(date_format)


@hypothesis.given(st.data())
def test_rows_that_are_decoded_are_encoded_as_they_were(data):
    rows = data.draw(st.integers(1, 20))
    words = st.sampled_from(["a", "b", "", None, "c d", "é", "\n"])
    number = st.floats(width=32, allow_nan=True, allow_infinity=False)
    frame = {
        "age": data.draw(st.lists(number, min_size=rows, max_size=rows)),
        "work": data.draw(st.lists(words, min_size=rows, max_size=rows)),
        "keen": data.draw(st.lists(st.sampled_from(["yes", "no", None]), min_size=rows, max_size=rows)),
    }
    encoding = learn(frame, [AGE, WORK, KEEN])
    x = encoding.encode(frame)
    assert x.shape == (rows, len(encoding.features)) == (rows, len(encoding.indicators))
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(encoding.encode(encoding.decode(x)), x)
    assert TableEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


@pytest.mark.parametrize("values", [{}, {"columns": [{"name": "a"}]}, {"columns": 3}, {"columns": [{"words": []}]}])
def test_what_is_no_encoding_is_refused(values):
    with pytest.raises(ValueError, match="not a description of a table"):
        TableEncoding.from_dict(values)
