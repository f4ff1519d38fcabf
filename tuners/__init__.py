"""A coarse-to-fine random search for keras-tuner, and the tuner that runs its trials fast."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "store.journal": ["JournalError", "RunLocked"],
        "store.checkpoints": ["CheckpointError"],
        "oracle": ["CoarseToFineOracle"],
        "study": ["Study", "TrialRecord"],
        "parallel": ["search_in_processes", "serve_trials"],
        "pruning": ["SuccessiveHalving"],
        "search": ["CoarseToFineSearch"],
        "tuner": ["FastTuner"],
    },
)
