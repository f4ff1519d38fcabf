"""Pictures as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tuners.report.pictures.data import pictures_of
from tuners.store.files import write_file

if TYPE_CHECKING:
    from tuners.study import Study


def write_pictures(directory: Path, study: Study) -> list[Path]:
    """Write each picture of a search as an SVG.

    Args:
        directory: Where to; made where it does not exist.
        study: The search.

    Returns:
        The files; none where no trial has a score.

    Raises:
        OSError: One cannot be written.
    """
    pictures = pictures_of(study)
    directory.mkdir(parents=True, exist_ok=True)
    if pictures is None:
        return []
    from tuners.report.pictures import drawing

    made = {"progress": drawing.draw_progress(pictures)}
    if pictures.slices:
        made["slices"] = drawing.draw_slices(pictures)
    if pictures.parallel:
        made["parallel"] = drawing.draw_parallel(pictures, pictures.parallel)
    if pictures.curves:
        made["curves"] = drawing.draw_curves(pictures)
    paths = {directory / f"{name}.svg": svg for name, svg in made.items()}
    for path, svg in paths.items():
        write_file(path, svg.encode())
    return list(paths)
