"""Trials in several processes, of one machine or of many: a parent with the oracle, and workers that train."""

import lazy_loader as _lazy

# Lazy, so that a worker can limit its cores before TensorFlow is imported. The names are in the stub beside.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
