"""Keras models as exports that TensorFlow Serving takes: written whole or not at all, and checked before."""

import lazy_loader as _lazy

# Lazy, so that versions and labels can be listed without TensorFlow.
__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "card": ["ModelCard"],
        "checking": ["check"],
        "errors": ["ExportError", "RequestError"],
        "exporter": ["export_model"],
        "inference.prediction": ["predict"],
        "inference.runner": ["Runner"],
        "versions": ["list_versions", "version_directory"],
    },
)
