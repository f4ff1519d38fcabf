"""The page itself: pictures and a table of the trials in one file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kzoo.cli import summary
from kzoo.cli.page import data
from kzoo.cli.shown import cell, columns, number, seconds, shown_name, shown_value
from kzoo.files import write_text

if TYPE_CHECKING:
    from tuners import Study, TrialRecord

ROWS = 200
"""Trials in the table, at most."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { color: #555; margin: .3rem 0; } img { width: 100%; height: auto; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: .4rem 1.5rem; }
dt { color: #777; font-size: .8rem; } dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; white-space: nowrap; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #eee; font-variant-numeric: tabular-nums; }
th { color: #777; font-weight: 500; } tbody tr:first-child { background: #fbeeee; }
"""

# Nothing is loaded and no script runs, whatever names and messages stand in the page.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_page(path: Path, directory: Path, study: Study) -> None:
    """Write the page of a search, whole or not at all.

    Args:
        path: The file.
        directory: The directory of the search, which stands in the heading.
        study: The search.

    Raises:
        OSError: It cannot be written.
    """
    write_text(path, page(directory, study))


def page(directory: Path, study: Study) -> str:
    """The page of a search as HTML that needs no other file."""
    body = "\n".join(_sections(directory, study))
    title = html.escape(f"{directory.resolve().name}: search by {study.objective}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _sections(directory: Path, study: Study) -> Iterator[str]:
    yield f"<h1>{html.escape(summary.headline(directory, study))}</h1>"
    for line in summary.troubles(study):
        yield f"<p>{html.escape(line)}</p>"
    pictures = data.pictures_of(study)
    if pictures is None:
        return
    yield from _best(study.best[0])
    yield from _drawn(pictures)
    yield from _table(study)


def _best(trial: TrialRecord) -> Iterator[str]:
    yield f"<h2>Trial {trial.number} is the best</h2>"
    entries = (
        f"<div><dt>{html.escape(shown_name(name))}</dt><dd>{html.escape(number(shown_value(name, value)))}</dd></div>"
        for name, value in trial.values.items()
    )
    yield f"<dl>{''.join(entries)}</dl>"


def _drawn(pictures: data.Pictures) -> Iterator[str]:
    from kzoo.cli.page import drawing

    yield "<h2>Scores in the order of the trials</h2>"
    yield _image(drawing.draw_progress(pictures), "Scores of the trials and the best so far")
    if pictures.slices:
        yield "<h2>Scores over each hyperparameter</h2>"
        yield "<p>Each on the scale that it is searched on; the ring is the best trial that it applied to.</p>"
        yield _image(drawing.draw_slices(pictures), "Scores over each hyperparameter")
    if pictures.parallel:
        yield "<h2>Trials as lines over the hyperparameters</h2>"
        yield f"<p>{_lines(pictures)} Red is the best; a line has a gap where a hyperparameter did not apply.</p>"
        yield _image(drawing.draw_parallel(pictures, pictures.parallel), "Trials over the hyperparameters")
    if pictures.curves:
        yield "<h2>Learning curves of the best trials</h2>"
        yield _image(drawing.draw_curves(pictures), "Learning curves of the best trials")


def _lines(pictures: data.Pictures) -> str:
    drawn, trials = len(pictures.parallel.lines) if pictures.parallel else 0, len(pictures.progress.numbers)
    return "Every trial." if drawn == trials else f"The best {drawn} of {trials} trials."


def _image(svg: str, alt: str) -> str:
    # As an image of its own, so that the ids inside one picture do not meet those of another.
    encoded = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{encoded}">'


def _table(study: Study) -> Iterator[str]:
    trials = study.best[:ROWS]
    yield "<h2>Trials, the best first</h2>"
    if len(study.best) > ROWS:
        yield f"<p>The best {ROWS} of {len(study.best)}.</p>"
    names = columns(trials)
    heads = ["trial", study.objective, "best epoch", "time", *map(shown_name, names)]
    rows = "".join(_row([*_results(trial), *(cell(name, trial.values) for name in names)], "td") for trial in trials)
    yield f'<div class="wide"><table><thead>{_row(heads, "th")}</thead><tbody>{rows}</tbody></table></div>'


def _results(trial: TrialRecord) -> list[str]:
    time = "" if trial.seconds is None else seconds(trial.seconds)
    return [str(trial.number), number(trial.score, 4), str(trial.best_epoch), time]


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(each)}</{tag}>' for each in cells)}</tr>"
