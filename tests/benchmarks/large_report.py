"""How long a study of a thousand trials takes to load, to conclude from and to look at.

    python tests/benchmarks/large_report.py DIRECTORY [TRIALS]

The search is our own, over a response surface that is known (`tests/insight/surfaces.py`), so that a trial costs what
is suggested and written. A search that DIRECTORY holds already is not run again. Saves a table beside this script.
"""

import datetime
import statistics
import subprocess
import sys
import time
from pathlib import Path

for folder in ("insight", "serving"):
    sys.path.append(str(Path(__file__).parents[1] / folder))

from browser import Browser
from surfaces import ordinary

ROUNDS = 5
KZOO = Path(sys.executable).with_name("kzoo")


def search(directory, trials):
    import keras_tuner
    import numpy as np

    import tuners
    from tuners.space.dimensions import cube_from_space

    surface = ordinary(diverges=0.9)
    cube, rng = cube_from_space(surface.space), np.random.default_rng(0)

    class OnSurface(tuners.FastTuner):
        def run_trial(self, trial, *args, **kwargs):
            score = surface.gain(cube, trial.hyperparameters.values) + rng.normal(0, surface.noise)
            curve = score - 0.5 * np.exp(-np.arange(20) / 3)
            for epoch, value in enumerate(curve):
                self.oracle.update_trial(trial.trial_id, {"val_accuracy": value, "val_loss": 1.2 - value}, epoch)

    hp = keras_tuner.HyperParameters.from_config({"space": [*surface.space], "values": {}})
    oracle = tuners.CoarseToFineOracle(objective="val_accuracy", max_trials=trials, hyperparameters=hp, seed=1)
    OnSurface(oracle, directory=directory.parent, project_name=directory.name).search(verbose=0)


def seconds(*command):
    """Of the process, in the median of some."""
    found = []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.monotonic() - begun)
    return statistics.median(found)


def in_browser(page):
    """Seconds to open the page, to filter its table, and to light up a trial in every picture."""
    with Browser() as browser:
        begun = time.monotonic()
        browser.open(page.resolve().as_uri())
        browser.wait("shown.some((each) => each.chart)")
        opened = time.monotonic() - begun
        browser.run("shown.forEach((each) => { each.host.scrollIntoView(); drawMissing(); })")
        frame = "new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))"
        end = f"await {frame}; return performance.now() - begun;"
        timed = f"(async () => {{ const begun = performance.now(); %s; {end} }})()"
        found = []
        for action in (
            "element('filter').value = 'units>100 score>0.9'; element('filter').dispatchEvent(new Event('input'))",
            "element('filter').value = ''; element('filter').dispatchEvent(new Event('input'))",
            "document.querySelector('#trials tbody tr').click()",
        ):
            answer = browser.ask("Runtime.evaluate", expression=timed % action, awaitPromise=True, returnByValue=True)
            found.append(answer["result"]["value"] / 1000)
        assert browser.problems() == [], browser.problems()
    return opened, max(found[:2]), found[2]


def main():
    directory, trials = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    if not (directory / "journal.jsonl").exists():
        search(directory, trials)
    load = f"import tuners; assert len(tuners.Study.load({str(directory)!r}).trials) >= {trials}"
    page = directory / "report.html"
    rows = [
        ("`import tuners` and nothing else", seconds(sys.executable, "-c", "import tuners; tuners.Study")),
        ("`tuners.Study.load`, with that", seconds(sys.executable, "-c", load)),
        ("`kzoo report`, text and page", seconds(KZOO, "report", directory)),
        ("`kzoo audit`", seconds(KZOO, "audit", directory)),
    ]
    opened, filtered, lit = in_browser(page)
    rows += [("the page opened, first pictures drawn", opened), ("its table filtered", filtered)]
    rows += [("a click on a trial, shown in every picture", lit)]
    lines = [f"# A study of {trials:,} trials", "", "| what | seconds |", "|---|---:|"]
    lines += [f"| {what} | {took:.2f} |" for what, took in rows]
    size = page.stat().st_size / 1e6
    lines += ["", f"Medians of {ROUNDS} processes, wall time; in the browser once. The page has {size:.1f} MB.", ""]
    lines += [f"Made by `large_report.py`, {datetime.date.today()}.", ""]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
