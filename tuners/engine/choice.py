"""Which engine trains a trial."""

from __future__ import annotations

from collections.abc import Sequence

from tuners.engine import arguments, fit
from tuners.engine.data import DeviceData
from tuners.engine.device import has_gpu
from tuners.engine.graph.epoch import GraphEngine
from tuners.engine.numpy_engine.engine import PopulationEngine
from tuners.engine.numpy_engine.member import Member
from tuners.engine.request import Request, Trained

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

    def begin(self, request: Request) -> Trained | Member:
        """Train a model, or make it ready to be trained together with others.

        Args:
            request: What to train.

        Returns:
            What `finish` takes.

        Raises:
            ValueError: An engine was asked for that cannot train this.
            Exception: Whatever training raises.
        """
        if self.name == "fit":
            return fit.train(request)
        refusal = arguments.refusal(request)
        if not refusal and (self.name == "population" or (self.name == "auto" and not has_gpu())):
            member = self._population.prepare(request)
            if not isinstance(member, str):
                return member
            if self.name == "population":
                refusal = member
        if not refusal:
            return self._graph.train(request)
        if self.name != "auto":
            raise ValueError(f"engine={self.name!r} cannot train this trial: {refusal}; use engine='auto'.")
        return fit.train(request)

    def finish(self, begun: Sequence[Trained | Member]) -> list[Trained | Exception]:
        """Train what is not trained yet, those that belong together at once.

        Args:
            begun: What `begin` gave.

        Returns:
            Of each, metrics of its epochs and the best epoch's weights, or what its training raised.
        """
        trained = iter(self._population.train([each for each in begun if isinstance(each, Member)]))
        return [next(trained) if isinstance(each, Member) else each for each in begun]
