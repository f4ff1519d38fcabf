"""The page of `kzoo report`: what a search found in one HTML file with pictures, which loads nothing from elsewhere."""

from kzoo.cli.page.document import write_page

__all__ = ["write_page"]
