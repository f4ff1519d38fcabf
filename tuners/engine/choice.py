"""Which engine trains a trial."""

from __future__ import annotations

from tuners.engine import fit
from tuners.engine.graph import GraphEngine
from tuners.engine.training import Request, Trained

ENGINES = ("auto", "fit", "graph")


class Engines:
    """The engines of a search.

    Args:
        name: "fit" for `HyperModel.fit` always; "graph" for the graph engine, an error where it cannot be used; "auto"
            for the graph engine where it can be used and `HyperModel.fit` where not.

    Raises:
        ValueError: The name is not known.
    """

    def __init__(self, name: str) -> None:
        if name not in ENGINES:
            raise ValueError(f"engine is {name!r}; expected one of {', '.join(ENGINES)}.")
        self.name = name
        self._graph = GraphEngine()

    def train(self, request: Request) -> Trained:
        """Train the model of a trial.

        Args:
            request: What to train.

        Returns:
            Metrics of each epoch and the best epoch's weights.

        Raises:
            ValueError: The graph engine was asked for and cannot train this.
        """
        refusal = "asked for" if self.name == "fit" else self._graph.refusal(request)
        if not refusal:
            return self._graph.train(request)
        if self.name == "graph":
            raise ValueError(f"engine='graph' cannot train this trial: {refusal}; use engine='auto'.")
        return fit.train(request)
