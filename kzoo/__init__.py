"""A zoo of tunable Keras models, the data sets to try them on, and their export to TensorFlow Serving."""

import lazy_loader as _lazy

# Lazy, so that the command line and the readers of studies start without TensorFlow. The names are in the stub beside.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
