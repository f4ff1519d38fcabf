"""A zoo of tunable Keras models, the data sets to try them on, and their export to TensorFlow Serving."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "spaces": ["Space"],
        "task": ["Task"],
    },
)
