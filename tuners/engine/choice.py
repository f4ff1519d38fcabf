"""What trains when a hypermodel calls `model.fit`: the fastest engine that gives what `model.fit` gives, or itself.

This is the one place that decides. An engine may only decline: whatever it raises while it reads, prepares or tries a
model is a reason to let another one train, with the model and the random numbers as they were.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tuners.engine import proof, training
from tuners.engine.call import FitCall, read_call
from tuners.engine.declined import Declined
from tuners.engine.device import has_gpu
from tuners.engine.graph.engine import GraphEngine
from tuners.engine.numpy_engine.engine import NumpyEngine

ENGINES = ("auto", "fit", "graph", "numpy")

VERBOSE = [*inspect.signature(keras.Model.fit).parameters].index("verbose") - 1
"""Place of `verbose` among the positional arguments of `model.fit`."""

EARLIER_NAMES = {"population": "numpy"}
"""What engines were called."""

log = logging.getLogger("tuners.engine")


@dataclasses.dataclass(frozen=True)
class EngineUse:
    """What trained in one call of `model.fit`.

    Attributes:
        engine: "numpy", "graph" or "fit".
        refusals: Why each engine that was asked before did not, by its name.
    """

    engine: str
    refusals: Mapping[str, str]


def summary_of(
    uses: Sequence[EngineUse],
    executions: Sequence[float] = (),
    parameters: int | None = None,
    redundant_biases: Sequence[str] = (),
) -> dict[str, Any]:
    """What trained a trial, as its record keeps it: the engines, each once, and why others did not, by their names.

    Args:
        uses: What trained, call by call.
        executions: The best objective of each execution and fold; kept where there are several.
        parameters: Weights of its model, or None where that is not known.
        redundant_biases: Names of the layers whose bias does nothing; kept where there are any.
    """
    refusals: dict[str, str] = {}
    for use in uses:
        refusals.update(use.refusals)
    several = {"executions": list(executions)} if len(executions) > 1 else {}
    size = {} if parameters is None else {"parameters": parameters}
    biases = {"redundant_biases": list(redundant_biases)} if redundant_biases else {}
    return {"used": list(dict.fromkeys(use.engine for use in uses)), "refusals": refusals, **several, **size, **biases}


class Engines:
    """The engines of a search.

    Args:
        name: "fit" for `model.fit` always; "graph" or "numpy" for that engine where it can be used; "auto" for the
            numpy engine where it can be used and there is no GPU, which it would leave idle, else the graph engine.
            `model.fit` trains where none can.

    Attributes:
        uses: What trained, call by call.

    Raises:
        ValueError: The name is not known.
    """

    def __init__(self, name: str) -> None:
        name = EARLIER_NAMES.get(name, name)
        if name not in ENGINES:
            raise ValueError(f"engine is {name!r}; expected one of {', '.join(ENGINES)}.")
        self.name = name
        self.uses: list[EngineUse] = []
        self._engines = {each.name: each for each in (NumpyEngine(), GraphEngine())}
        self._tried: dict[str, set[Any]] = {name: set() for name in self._engines}
        self._said: set[tuple[str, str]] = set()

    @contextlib.contextmanager
    def answering(self, model: keras.Model, *, looked_at: bool = True) -> Iterator[None]:
        """Within, calls of the `fit` of a model are answered by an engine, where one can.

        They print nothing where they do not say what to print, since that of each trial drowns what the search says.

        Args:
            model: The model; one with a `fit` of its own is left as it is.
            looked_at: Whether anybody may look at the model after it was trained.
        """
        if not isinstance(model, keras.Model):
            yield
            return
        if type(model).fit is not keras.Model.fit or "fit" in vars(model):
            self._note("fit", dict.fromkeys(self._asked(), "the model has a method fit of its own"))
            yield
            return
        by_keras = model.fit

        @functools.wraps(by_keras)
        def fit(*args: Any, **kwargs: Any) -> Any:
            if len(args) <= VERBOSE:
                kwargs = {"verbose": 0, **kwargs}
            return self._fit(model, by_keras, args, kwargs, looked_at)

        model.fit = fit
        try:
            yield
        finally:
            if vars(model).get("fit") is fit:
                del model.fit

    def _asked(self) -> list[str]:
        """Names of the engines that are asked, in their order."""
        if self.name != "auto":
            return [] if self.name == "fit" else [self.name]
        return ["graph"] if has_gpu() else ["numpy", "graph"]

    def _fit(
        self, model: keras.Model, by_keras: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], looked_at: bool
    ) -> Any:
        refusals: dict[str, str] = {}
        asked = self._asked()
        if not asked:
            self._note("fit", refusals)
            return by_keras(*args, **kwargs)
        try:
            call = read_call(model, args, kwargs)
        except Exception as error:
            refusals = dict.fromkeys(asked, _reason(error))
        else:
            for name in asked:
                trainer = self._trainer(name, call, refusals)
                if trainer is not None:
                    self._note(name, refusals)
                    return training.run(call, trainer, looked_at=looked_at)
        self._note("fit", refusals)
        return by_keras(*args, **kwargs)

    def _trainer(self, name: str, call: FitCall, refusals: dict[str, str]) -> Any:
        """What trains a call, ready to begin; None where this engine cannot, with the reason in `refusals`."""
        drawn = random.getstate(), np.random.get_state()
        try:
            trainer = self._engines[name].trainer(call)
            if trainer.parts is not None and trainer.parts <= self._tried[name]:
                trainer.prepare(None)
            else:
                differs = proof.difference(call, trainer)
                if differs:
                    raise Declined(f"tried on a few examples, {differs}")
                self._tried[name] |= trainer.parts or set()
            return trainer
        except Exception as error:
            refusals[name] = _reason(error)
            return None
        finally:
            random.setstate(drawn[0])
            np.random.set_state(drawn[1])

    def _note(self, engine: str, refusals: Mapping[str, str]) -> None:
        self.uses.append(EngineUse(engine, dict(refusals)))
        for name, reason in refusals.items():
            if (name, reason) not in self._said:
                self._said.add((name, reason))
                log.debug("The %s engine does not train this model: %s.", name, reason)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    # TensorFlow begins with "Graph execution error:" and a stack, and ends with the place in the graph.
    said = [line for line in lines if not line.startswith("[[")] if lines[0].endswith(":") else lines[:1]
    return said[-1] if isinstance(error, Declined) else f"{type(error).__name__}: {said[-1]}"
