"""Exports in TensorFlow Serving: its configuration, which version is served under which label, a server, a client."""

import lazy_loader as _lazy

# Lazy, so that promoting and pruning start without TensorFlow.
__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "client": ["Client"],
        "configuration": ["write_configuration"],
        "errors": [
            "BadRequest",
            "DeadlineExceeded",
            "ModelNotFound",
            "ServerUnreachable",
            "ServingError",
        ],
        "releases": ["Promotion", "Release", "promote", "prune", "read_release"],
        "server": ["Server", "serve"],
        "signatures": ["SignatureInfo", "TensorInfo"],
        "transport": ["VersionStatus"],
    },
)
