"""Keras models as exports that TensorFlow Serving takes: written whole or not at all, and checked before."""

import lazy_loader as _lazy

# Lazy, so that versions and labels can be listed without TensorFlow. The names are in the stub beside.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
