"""TensorFlow Serving on exports: its configuration, labels of versions, starting it, and asking it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "client": ["Client"],
        "configuration": ["write_configuration"],
        "errors": ["BadRequest", "DeadlineExceeded", "ModelNotFound", "ServerUnreachable", "ServingError"],
        "releases": ["promote", "prune", "read_labels"],
        "server": ["start"],
        "signatures": ["SignatureInfo", "TensorInfo"],
        "transport": ["VersionStatus"],
    },
)
