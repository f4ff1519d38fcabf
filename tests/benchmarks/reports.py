"""Two real searches as they are read: their pages as pictures, and what their audits say.

    python tests/benchmarks/reports.py DIRECTORY TITANIC.csv

Searches that DIRECTORY holds already are not run again. Writes `examples/report.png`, `examples/report-table.png` and
`reports.md` beside this file. The table is the passengers of the Titanic (survived, sex, age, passengerClass), such as
`TitanicSurvival` of R's carData. Needs Chromium.
"""

import base64
import datetime
import io
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "serving"))

import PIL.Image
from browser import Browser

from kzoo.cli import studies
from tuners.report.page import write_page

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
KZOO = Path(sysconfig.get_path("scripts"), "kzoo")
HEIGHT = 1560
"""Pixels of the page from its top: down to the zoom."""

DIGITS = ("--data", "digits", "--trials", "60", "--epochs", "20", "--seed", "1")
TABLE = ("--target", "survived", "--trials", "30", "--epochs", "25", "--seed", "1")

HEAD = """# Two searches as they are read

Made by `reports.py` on {date}. The same page comes from `kzoo report RUN`, the text from `kzoo audit RUN`.
"""
PART = """
## {title}

    {command}

says at its end, by `kzoo audit`:

```text
{audit}
```

![{title}: the page]({picture})
"""


def kzoo(*arguments, folder):
    """What the command writes."""
    env = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    command = [KZOO, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.rstrip()


def take_picture(run, picture):
    """The upper part of a search's page."""
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        page = Path(folder) / "report.html"
        study = studies.load(run)
        write_page(page, study, studies.title(run), studies.given(run), studies.Acting(run, study))
        browser.open(page.as_uri(), width=1100)
        browser.wait("shown.every((each) => each.chart || !near(each.host))")
        clip = {"x": 0, "y": 0, "width": 1100, "height": HEIGHT, "scale": 1}
        taken = browser.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    image = PIL.Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    image.quantize(64).save(picture, optimize=True)


def part(title, folder, name, arguments, picture):
    """A search, run where it was not, with its picture and its words."""
    if not (folder / name).exists():
        kzoo("search", "mlp", *arguments, "--out", name, folder=folder)
    take_picture(folder / name, EXAMPLES / picture)
    shown = " ".join(("kzoo search mlp", *arguments, "--out", name))
    audit = kzoo("audit", name, folder=folder)
    return PART.format(title=title, command=shown, audit=audit, picture=f"../pictures/{picture}")


def main():
    folder, table = map(Path, sys.argv[1:3])
    folder.mkdir(parents=True, exist_ok=True)
    file = Path("titanic.csv")
    (folder / file).write_bytes(table.read_bytes())
    page = HEAD.format(date=datetime.date.today())
    page += part("60 trials on the digits data", folder, "digits", DIGITS, "report.png")
    page += part(
        "30 trials on a table of 1,309 rows", folder, "titanic", ("--data", f"{file}", *TABLE), "report-table.png"
    )
    (HERE / "reports.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
