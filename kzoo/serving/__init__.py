"""TensorFlow Serving on exports: its configuration, labels of versions, starting it, and asking it."""

import lazy_loader as _lazy

# Lazy, since gRPC and its messages need TensorFlow. The names are in the stub beside.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
