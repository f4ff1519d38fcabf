"""Which engine trains a trial."""

from __future__ import annotations

from tuners.engine import fit
from tuners.engine.training import Request, Trained

ENGINES = ("auto", "fit")


def train(engine: str, request: Request) -> Trained:
    """Train the model of a trial.

    Args:
        engine: One of `ENGINES`.
        request: What to train.

    Returns:
        Metrics of each epoch and the best epoch's weights.
    """
    return fit.train(request)
