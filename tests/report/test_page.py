import json
import re

import numpy as np
import pytest
from browser import CHROMIUM
from surfaces import choice, ordinary, real, searched, trained

from tuners.insight import conclude
from tuners.insight.path import configurations
from tuners.insight.response import response_of
from tuners.report.facts import troubles
from tuners.report.page import page, write_page
from tuners.report.page.data import expected_best
from tuners.report.page.document import policy
from tuners.study import Study, TrialRecord

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def test_the_page_loads_nothing_and_is_small(study):
    text = page(study, "digits")
    assert len(text) < 5_000_000
    assert not re.search(r'(src|href)="', text.split("<script>")[0])
    assert "unsafe" not in policy() and policy().count("sha256-") == 4


def test_the_data_of_the_page(study):
    data = data_of(page(study, "digits", {"model": "mlp"}))
    assert data["facts"][0] == ["model", "mlp"]
    assert len(data["trials"]) == 40 and data["best"] == study.best[0].number and data["default"] == 1
    assert data["axes"][0]["name"] == "learning_rate" and data["verdict"]["kind"] == "better"
    assert {each["rule"] for each in data["findings"]} == {"divergence"}
    assert "learning_rate" in data["findings"][0]["command"]
    assert data["progress"]["best"] == sorted(data["progress"]["best"])
    assert data["progress"]["shuffled"][-1] == pytest.approx(study.best[0].score)
    assert len(data["zoom"]) == 4 and all(0 <= low <= high <= 1 for low, high in zip(*_ends(data), strict=True))


def _ends(data):
    return data["zoom"][0]["low"], data["zoom"][0]["high"]


def test_texts_of_a_study_stay_texts():
    odd = "</script><script>alert(1)</script>"
    record = TrialRecord("0", 1, "FAILED", {}, message=odd)
    text = page(Study("val_loss", "min", 1, (record,)), odd)
    assert odd not in text and data_of(text)["trials"][0]["reason"] == odd


def test_names_that_are_no_text_can_be_written(tmp_path):
    write_page(tmp_path / "page.html", Study("val_loss", "min", 1, ()), "run-\udcff")
    assert "<title>run-?</title>" in (tmp_path / "page.html").read_text()


def test_what_went_wrong_is_told_once_for_each_reason():
    said = [("INVALID", "infeasible: loss was nan.")] * 10 + [("FAILED", "Traceback\n  File\nValueError: no rows\n")]
    said += [("FAILED", ""), *(("FAILED", f"RuntimeError: {part}") for part in "abc"), ("RUNNING", "")]
    trials = [TrialRecord(str(at), at, status, {}, message=text) for at, (status, text) in enumerate(said, start=1)]
    assert troubles(Study("val_loss", "min", 1, tuple(trials))) == [
        "Trials 1, 2, 3, 4, 5, 6, 7, 8 and 2 more infeasible: loss was nan.",
        "Trial 11 failed: ValueError: no rows",
        "Trial 12 failed: no message",
        "Trial 13 failed: RuntimeError: a",
        "Trial 14 failed: RuntimeError: b",
        "5 failed in all; the other reasons: kzoo report with --json.",
    ]


def test_the_expected_best_of_a_random_order():
    scores = np.array([1.0, 2.0, 4.0])
    assert expected_best(scores, maximise=True) == pytest.approx([7 / 3, 10 / 3, 4])
    assert expected_best(scores, maximise=False) == pytest.approx([7 / 3, 4 / 3, 1])


def test_infinite_scores_are_no_json_numbers():
    records = [TrialRecord(str(n), n, "COMPLETED", {}, s, 1, {"val_loss": (s,)}) for n, s in ((1, 1.0), (2, 2.0))]
    records.append(TrialRecord("3", 3, "COMPLETED", {}, float("inf"), 1))
    assert data_of(page(Study("val_loss", "min", 1, tuple(records)), "odd"))["trials"][2]["score"] is None


@pytest.fixture(scope="module")
def address(study, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, study, "digits", {"model": "mlp"})
    return path.as_uri()


def scroll_through(browser):
    """Have every picture drawn, as the page is read to its end."""
    browser.run("shown.forEach((each) => { each.host.scrollIntoView(); drawMissing(); })")


def visible(browser):
    return browser.run("document.querySelectorAll('#trials tbody tr:not(.off)').length")


@needs_chromium
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_everything_is_there_and_nothing_sticks_out(browser, address, width, dark):
    browser.open(address, width=width, dark=dark)
    assert browser.problems() == [] and browser.requested() == [address]
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert 0 < browser.run("document.querySelectorAll('canvas').length") < 15
    scroll_through(browser)
    assert browser.run("document.querySelectorAll('canvas').length") == browser.run("shown.length") == 15
    assert browser.run("document.querySelector('#kind').innerText") == "Better than the default"
    assert "diverged" in browser.run("document.querySelector('#audit').innerText")
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 300) == dark


@needs_chromium
def test_trials_are_sorted_filtered_and_lit_up(browser, address, study):
    browser.open(address)
    assert browser.run("document.querySelector('#trials tbody td').innerText") == str(study.best[0].number)
    browser.run("document.querySelectorAll('#trials th button')[0].click()")
    assert browser.run("document.querySelector('#trials tbody td').innerText") == "1"
    fill = "element('filter').value = %s; element('filter').dispatchEvent(new Event('input'))"
    browser.run(fill % json.dumps("infeasible"))
    assert visible(browser) == sum(trial.status == "INVALID" for trial in study.trials) > 0
    browser.run(fill % json.dumps("units>100 score>0.9"))
    assert visible(browser) == sum(trial.values["units"] > 100 and (trial.score or 0) > 0.9 for trial in study.trials)
    browser.run(fill % json.dumps(""))
    scroll_through(browser)
    browser.run("document.querySelector('#trials tbody tr').click()")
    ring = "each.chart.getOption().series.find((one) => one.id === 'selected')"
    rings = f"shown.filter((each) => ({ring}?.data ?? []).length)"
    assert browser.run("state.selected") == 1 and browser.run(f"{rings}.length") == 13
    browser.run("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    assert browser.run("state.selected") is None and browser.run(f"{rings}.length") == 0
    assert browser.problems() == []


@needs_chromium
def test_brushing_an_axis_keeps_what_passes_there(browser, address, study):
    browser.open(address)
    place = (
        "(() => { const box = document.querySelector('#parallel').getBoundingClientRect(); return [box.x, box.y]; })()"
    )
    browser.run("document.querySelector('#parallel').scrollIntoView()")
    browser.wait("shown.some((each) => each.option === parallel && each.chart)")
    x, y = browser.run(place)
    for kind, down in (("mousePressed", 60), ("mouseMoved", 140), ("mouseMoved", 220), ("mouseReleased", 220)):
        button = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {"button": "left"}
        browser.ask("Input.dispatchMouseEvent", type=kind, x=x + 40, y=y + down, **button)
    browser.wait("state.brushed !== null")
    kept = browser.run("state.brushed.size")
    assert 0 < kept < len(study.completed) and visible(browser) == kept
    assert browser.problems() == []
    # An axis that has come to matter less stays where it is brushed.
    many = "axes: Array.from({length: 10}, (_, at) => ({...data.axes[0], name: `h${at}`}))"
    trials = "trials: data.trials.map((each) => ({...each, at: Array(10).fill(each.at[0])}))"
    browser.run(f"state.intervals = {{h9: [[0, 1]]}}; take({{...data, {many}, {trials}}})")
    assert browser.run("lines") == [*range(8), 9]


@needs_chromium
def test_what_was_trained_again_stands_beside_what_was_expected(browser, tmp_path, study):
    again = trained(ordinary(diverges=0.7), study, configurations(study, response_of(study)), 3)
    write_page(tmp_path / "again.html", study, "digits", conclusions=conclude(study, again=[again]))
    browser.open((tmp_path / "again.html").as_uri())
    head = browser.run("document.querySelector('#path thead').innerText").split()
    assert head[-4:] == ["measured", "give", "or", "take"]
    assert "trained again from other seeds" in browser.run("document.querySelector('#main').innerText")
    cells = browser.run(
        "[...document.querySelectorAll('#path tbody td:nth-child(6)')].map((each) => Number(each.innerText))"
    )
    # Two digits of each.
    assert cells == pytest.approx([step.measured for step in conclude(study, again=[again]).path], rel=0.05)
    assert browser.problems() == []


@needs_chromium
def test_many_hyperparameters_of_long_names_are_told_apart(browser, tmp_path):
    names = [f"a_rather_long_name_of_a_hyperparameter_{n}" for n in range(30)]
    space = (*(real(name, 0.0, 1.0, 0.5, "linear") for name in names), choice("kind", "x" * 40 + "1", "x" * 40 + "2"))
    write_page(tmp_path / "many.html", searched(ordinary(space=space), 12), "many")
    browser.open((tmp_path / "many.html").as_uri())
    scroll_through(browser)
    told = "element('colours').innerText"
    assert browser.run("document.querySelectorAll('#slices > *').length") == 24
    assert browser.run(told).endswith("Of 31, the 24 that matter most.")
    slices = "shown.filter((each) => element('slices').contains(each.host))"
    titles = browser.run(f"{slices}.map((each) => each.chart.getOption().title[0].text)")
    assert len(set(titles)) == 24 and max(map(len, titles)) <= 32
    labels = browser.run("data.axes.filter((each) => each.name === 'kind')[0].ticks.map((each) => cut(each[1], 16))")
    assert len(set(labels)) == 2 and {len(each) for each in labels} == {16}
    assert browser.problems() == []


@needs_chromium
def test_on_paper_nothing_is_cut_off_or_left_out(browser, address, study):
    browser.open(address, dark=True)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    browser.wait("shown.every((each) => each.chart)")
    lost = "[...document.querySelectorAll('.wide')].filter((each) => each.scrollHeight > each.clientHeight + 1).length"
    assert browser.run(lost) == 0 and visible(browser) == len(study.trials)
    assert browser.run("getComputedStyle(document.querySelector('section')).borderTopWidth") == "0px"
    assert browser.run("shown[0].chart.getOption().textStyle.color") == "#000"
    browser.ask("Emulation.setEmulatedMedia", media="")


@needs_chromium
def test_pages_of_studies_that_lack_something(browser, tmp_path):
    few = searched(ordinary(), 3)
    empty = Study("val_loss", "min", 1, (TrialRecord("0", 1, "FAILED", {}, message="odd"),))
    for number, each in enumerate((few, empty)):
        path = tmp_path / f"{number}.html"
        write_page(path, each, "few")
        browser.open(path.as_uri())
        assert browser.problems() == []
