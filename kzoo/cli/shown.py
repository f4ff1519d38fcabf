"""Hyperparameters and metrics as people read them; see `tuners.space.shown`."""

from tuners.space.shown import cell, columns, number, seconds, shown_name, shown_value

__all__ = ["cell", "columns", "number", "seconds", "shown_name", "shown_value"]
