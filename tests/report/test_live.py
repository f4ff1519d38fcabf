import http.client
import json
import math
import shutil
import threading
import urllib.error
import urllib.request

import filelock
import keras_tuner
import pytest
from browser import CHROMIUM

import tuners
from tuners.insight import conclude
from tuners.report import live
from tuners.report.actions import in_a_script
from tuners.report.page.data import page_data
from tuners.store.journal import LOCK, Journal, in_use
from tuners.study import Study


class Searching:
    """A search whose trials are made here, one after the other."""

    def __init__(self, directory):
        hp = keras_tuner.HyperParameters()
        hp.Float("rate", 1e-4, 1.0, sampling="log")
        hp.Int("units", 4, 64)
        objective = keras_tuner.Objective("val_loss", "min")
        options = {"hyperparameters": hp, "directory": str(directory), "project_name": "run", "overwrite": True}
        self.oracle = tuners.CoarseToFineSearch(None, objective, 30, 1, **options).oracle
        self.oracle.verbose = 0
        self.directory = directory / "run"

    def run(self, trials):
        for _ in range(trials):
            trial = self.oracle.create_trial("here")
            for step in range(3):
                score = (
                    abs(math.log10(trial.hyperparameters["rate"]) + 2.4)
                    + trial.hyperparameters["units"] / 64
                    - step / 10
                )
                self.oracle.update_trial(trial.trial_id, {"val_loss": score}, step=step)
            trial.status = "COMPLETED"
            self.oracle.end_trial(trial)

    def shown(self):
        study = Study.load(self.directory)
        return page_data("run", study, conclude(study), {}, in_a_script)


@pytest.fixture
def searching(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "MOST_OFTEN", 0.0)
    monkeypatch.setattr(live, "SHARE", 1e9)
    made = Searching(tmp_path)
    made.run(6)
    return made


@pytest.fixture
def served(searching):
    """The address of its page."""
    server = live.PageServer(live.LiveStudy(searching.directory, searching.shown), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.address
    server.shutdown()
    thread.join()
    server.server_close()


def asked(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
        return answer.read().decode(), answer.headers


def test_what_is_new_is_given_and_nothing_else(searching, served):
    first = json.loads(asked(served + "data")[0])
    assert len(first["trials"]) == 6 and first["live"]["version"] == 1
    assert json.loads(asked(served + "data?known=1")[0]) == {"live": first["live"]}
    searching.run(2)
    second = json.loads(asked(served + "data?known=1")[0])
    assert len(second["trials"]) == 8 and second["live"]["version"] == 2
    text, headers = asked(served)
    assert '"version":2' in text and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "connect-src 'self'; frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_only_its_own_names_and_places_are_answered(served):
    for path, headers, status in (("", {"Host": "evil.example:80"}, 403), ("../../etc/passwd", {}, 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(served + path, **headers)
        assert refused.value.code == status
    # Through a tunnel the port is another one.
    assert "<title>" in asked(served, Host="localhost:9000")[0]
    connection = http.client.HTTPConnection("127.0.0.1", int(served.split(":")[-1].rstrip("/")), timeout=10)
    connection.request("HEAD", "/data")
    answer = connection.getresponse()
    assert answer.status == 200 and int(answer.headers["Content-Length"]) > 100 and answer.read() == b""
    connection.request("POST", "/data", b"{}")
    assert connection.getresponse().status == 501


def test_a_search_is_told_to_run_to_have_ended_and_to_have_been_killed(searching):
    study = live.LiveStudy(searching.directory, searching.shown)
    assert in_use(searching.directory) and study.answer(-1)["live"]["state"].startswith("The search is running;")
    started = searching.oracle.create_trial("here")
    study.answer(-1)
    copied = searching.directory.with_name("copied")
    shutil.copytree(searching.directory, copied)  # As one whose process is gone.
    killed = live.LiveStudy(copied, lambda: study.data)
    assert in_use(copied) is False
    assert killed.answer(-1)["live"]["state"].startswith("The search was ended or killed before trial 7 had ended")
    started.status = "FAILED"
    searching.oracle.end_trial(started)
    searching.run(23)
    assert searching.oracle.create_trial("here").status == "STOPPED"
    assert study.answer(-1)["live"]["state"] == "The search has ended; nothing more will change."


def test_what_cannot_be_read_is_told_and_what_was_read_stays(searching, monkeypatch):
    study = live.LiveStudy(searching.directory, searching.shown)
    known = study.answer(-1)
    with (searching.directory / "journal.jsonl").open("ab") as journal:
        journal.write(b"half a li")  # What another process is writing is no damage.
    assert len(study.answer(known["live"]["version"])["trials"]) == 6
    kept = searching.directory.with_name("kept")
    searching.directory.rename(kept)
    found = study.answer(-1)
    assert "No such file" in found["live"]["state"] and len(found["trials"]) == 6
    kept.rename(searching.directory)
    assert study.answer(-1)["live"]["state"].startswith("The search is running")


def test_looks_take_a_small_share_of_the_time(searching, monkeypatch):
    monkeypatch.setattr(live, "SHARE", 1e-9)
    study = live.LiveStudy(searching.directory, searching.shown)
    known = study.answer(-1)["live"]["version"]
    searching.run(1)
    assert "trials" not in study.answer(known)


def test_a_look_keeps_no_search_from_starting(tmp_path):
    Journal(tmp_path).close()
    lock = filelock.FileLock(tmp_path / LOCK, thread_local=False, preserve_lock_file=True)
    lock.acquire()
    looking = threading.Timer(0.05, lock.release)
    looking.start()
    Journal(tmp_path).close()
    looking.join()
    assert in_use(tmp_path) is False


def test_where_it_cannot_be_told_whether_a_search_runs(searching):
    copied = searching.directory.with_name("copied")
    shutil.copytree(searching.directory, copied)
    (copied / LOCK).unlink()
    study = live.LiveStudy(copied, searching.shown)
    assert in_use(copied) is None and study.answer(-1)["live"]["state"].startswith("Whether the search still runs")
    (copied / LOCK).mkdir()  # It cannot be opened.
    assert in_use(copied) is None


ROWS = "[...document.querySelectorAll('#trials tbody tr:not(.off)')].map((each) => Number(each.dataset.n))"


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_what_the_reader_has_chosen_survives_what_is_new(browser, searching, served):
    browser.open(served)
    browser.wait("document.querySelector('#live').innerText.startsWith('The search is running')")
    browser.run("document.querySelectorAll('#trials th button')[0].click()")
    browser.run("select(3); element('filter').value = 'units>10'; filter(); window.scrollTo(0, 700)")
    browser.run("rows.get(3).focus({preventScroll: true})")
    place = "element('progress').getBoundingClientRect().top"
    before = browser.run(place)
    searching.run(5)
    browser.run("look()")
    study = Study.load(searching.directory)
    assert browser.run(ROWS) == [trial.number for trial in study.trials if trial.values["units"] > 10]
    assert browser.run("state.selected") == 3 and browser.run("document.activeElement.dataset.n") == "3"
    assert browser.run("document.querySelector('#trials tr.selected').dataset.n") == "3"
    assert browser.run(place) == pytest.approx(before, abs=1.0)
    # All but the trial that is highest there.
    at = "data.axes.findIndex((each) => each.name === 'rate')"
    high = browser.run(f"Math.max(...data.trials.map((each) => each.at[{at}]))") - 1e-4
    browser.run(
        f"brushed({{parallelAxisId: 'rate', intervals: [[0, {high}]]}}); element('filter').value = ''; filter()"
    )
    kept = browser.run(ROWS)
    assert len(kept) == 10
    searching.run(4)
    browser.run("look()")
    at = browser.run(at)
    passing = f"data.trials.filter((each) => each.at[{at}] <= {high}).map((each) => each.n)"
    assert browser.run("data.trials.length") == 15
    assert set(kept) < set(browser.run(ROWS)) == set(browser.run(passing))
    browser.run("element('parallel').scrollIntoView(); drawMissing()")
    chart = "shown.find((each) => each.option === parallel).chart"
    assert browser.run(f"{chart}.getModel().getComponent('parallelAxis', {at}).activeIntervals") == [[0, high]]
    browser.run("getSelection().selectAllChildren(element('title'))")
    searching.run(1)
    browser.run("look()")
    assert browser.run("data.trials.length") == 15
    assert browser.problems() == []
    browser.open("about:blank")
