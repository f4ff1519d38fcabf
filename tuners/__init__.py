"""A coarse-to-fine random search for keras-tuner, and the tuner that runs its trials fast."""

import lazy_loader as _lazy

# Lazy, so that studies are read without TensorFlow. The names are in the stub beside.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
