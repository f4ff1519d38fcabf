"""A zoo of tunable Keras models, the data sets to try them on, and their export to TensorFlow Serving."""

from typing import Any

import lazy_loader as _lazy

from kzoo.lazy import quietly as _quietly

# Lazy, so that the command line and the readers of studies start without TensorFlow. The names are in the stub beside.
_attribute, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with _quietly():
        return _attribute(name)
