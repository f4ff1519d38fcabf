"""Trials in several processes of one machine: a parent with the oracle, and workers that train."""

from tuners.parallel.pool import search_in_processes
from tuners.parallel.worker import serve_trials

__all__ = ["search_in_processes", "serve_trials"]
