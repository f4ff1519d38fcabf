"""The pictures of a search as SVG files, for papers and READMEs."""

from tuners.report.pictures.files import write_pictures

__all__ = ["write_pictures"]
