"""Trials in several processes, of one machine or of many: a parent with the oracle, and workers that train."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__, submod_attrs={"pool": ["search_in_processes"], "worker": ["serve_trials"], "worker_pipe": ["use_cores"]}
)
