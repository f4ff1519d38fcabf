"""Which engine trains a trial."""

from __future__ import annotations

import functools

import tensorflow as tf

from tuners.engine import arguments, fit
from tuners.engine.data import DeviceData
from tuners.engine.graph import GraphEngine
from tuners.engine.population.engine import PopulationEngine
from tuners.engine.training import Request, Trained

ENGINES = ("auto", "fit", "graph", "population")


class Engines:
    """The engines of a search.

    Args:
        name: "fit" for `HyperModel.fit` always; "graph" or "population" for that engine, an error where it cannot be
            used; "auto" for the population engine where it can be used and there is no GPU, which it would leave idle;
            else the graph engine; else `HyperModel.fit`.

    Raises:
        ValueError: The name is not known.
    """

    def __init__(self, name: str) -> None:
        if name not in ENGINES:
            raise ValueError(f"engine is {name!r}; expected one of {', '.join(ENGINES)}.")
        self.name = name
        self._graph, self._population = GraphEngine(DeviceData()), PopulationEngine()

    def train(self, request: Request) -> Trained:
        """Train the model of a trial.

        Args:
            request: What to train.

        Returns:
            Metrics of each epoch and the best epoch's weights.

        Raises:
            ValueError: An engine was asked for that cannot train this.
        """
        if self.name == "fit":
            return fit.train(request)
        refusal = arguments.refusal(request)
        if not refusal and (self.name == "population" or (self.name == "auto" and not _has_gpu())):
            prepared = self._population.prepare(request)
            if not isinstance(prepared, str):
                return self._population.train(prepared)
            if self.name == "population":
                refusal = prepared
        if not refusal:
            return self._graph.train(request)
        if self.name != "auto":
            raise ValueError(f"engine={self.name!r} cannot train this trial: {refusal}; use engine='auto'.")
        return fit.train(request)


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))
