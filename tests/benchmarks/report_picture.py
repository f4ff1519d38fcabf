"""The picture of a report in the README, from a finished search and headless Chromium.

kzoo search mlp --data digits --trials 60 --out RUN
python tests/benchmarks/report_picture.py RUN examples/report.png
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "serving"))

import PIL.Image
from browser import Browser

from kzoo.cli import studies
from tuners.report.page import write_page

HEIGHT = 1560
"""Pixels of the page from its top: down to the zoom."""


def main():
    run, picture = map(Path, sys.argv[1:3])
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


if __name__ == "__main__":
    main()
