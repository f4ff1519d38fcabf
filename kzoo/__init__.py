"""A zoo of tunable Keras models, the data sets to try them on, and their export to TensorFlow Serving."""

import lazy_loader as _lazy

# Lazy, so that the command line and the readers of studies start without TensorFlow.
__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "zoo.creation": ["create_model"],
        "datasets": ["DataError", "Dataset", "list_datasets", "load_dataset"],
        "export": ["ExportError", "ModelCard", "RequestError", "check", "export_model", "predict"],
        "zoo.hypermodel": ["ZooHyperModel", "create_hypermodel"],
        "zoo.refit": ["refit"],
        "zoo.registry": ["list_models", "register_model"],
        "task": ["Task"],
    },
)
