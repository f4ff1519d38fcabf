"""The page of a study: one file that needs no other and no network."""

from tuners.report.page.document import page, write_page

__all__ = ["page", "write_page"]
