"""A Keras model as kernels, each with those whose values it takes."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Mapping

import keras

from tuners.engine.declined import Declined
from tuners.engine.numpy_engine import layer_graph, operations
from tuners.engine.numpy_engine.embeddings import Lookup, Positions
from tuners.engine.numpy_engine.kernels import Add, Kernel
from tuners.engine.numpy_engine.reading import Head, Part, embedded, parts
from tuners.engine.numpy_engine.shapes import Concatenate, Reshape


@dataclasses.dataclass(eq=False)
class Step:
    """A kernel in its place, or an input, whose kernel stands for nothing.

    Attributes:
        part: The kernel with its weights.
        sources: Whose values it takes.
    """

    part: Part
    sources: list[Step]


@dataclasses.dataclass(frozen=True)
class Structure:
    """What a model computes.

    Attributes:
        names: Of the input layers, in the order of `model.inputs`.
        inputs: In the same order.
        steps: In an order in which they can be taken; the last one gives the output.
        head: The activation of the output that is left to the loss, or None.
    """

    names: list[str]
    inputs: list[Step]
    steps: list[Step]
    head: Head | None


def read(model: keras.Model) -> Structure:
    """Read a model.

    Args:
        model: A built Keras model.

    Raises:
        Declined: It is not a functional or sequential model of the layers that are known.
    """
    graph = layer_graph.read(model)
    inputs = [Step(Part(Kernel(), ("input",)), []) for _ in graph.inputs]
    values = dict(zip(graph.inputs, inputs, strict=True))
    steps: list[Step] = []
    head: Head | None = None
    name = ""
    for call in graph.calls:
        name = call.layer.name
        if not call.sources:
            continue
        sources = [values[source] for source in call.sources]
        for part in _parts(call, ends=name == graph.last):
            if isinstance(part, Head):
                head = part
                continue
            if len(sources) > 1 and not isinstance(part.kernel, Add | Concatenate):
                raise Declined(f"the layer {name} takes several inputs")
            steps.append(Step(part, sources))
            sources = steps[-1:]
        values[name] = sources[0]
    if name != graph.last or not steps or values[name] is not steps[-1]:
        raise Declined("the output is not what the last layer gives")
    return Structure(graph.inputs, inputs, _joined(steps), head)


def _parts(call: layer_graph.Call, *, ends: bool) -> list[Part | Head]:
    if isinstance(call.layer, keras.Layer):
        return parts(call.layer, ends=ends)
    return [operations.part(call.layer, call.arguments)]


def _joined(steps: list[Step]) -> list[Step]:
    """The same steps, with embeddings that stand side by side in a concatenation looked up at once."""
    uses = collections.Counter(source for step in steps for source in step.sources)
    found: list[Step] = []
    for step in steps:
        if isinstance(step.part.kernel, Concatenate):
            chains = [_lookup(*each, uses) for each in zip(step.sources, step.part.kernel.shapes, strict=True)]
            step.sources = []
            for is_lookup, run in itertools.groupby(chains, lambda chain: len(chain) > 1):
                together = list(run)
                if is_lookup and len(together) > 1:
                    old = [each for chain in together for each in chain]
                    found = [each for each in found if each not in old]
                    found += _looked_up_at_once(together)
                    together = [found[-1:]]
                step.sources += [chain[0] for chain in together]
        found.append(step)
    return found


def _lookup(step: Step, shape: tuple[int, ...], uses: Mapping[Step, int]) -> list[Step]:
    """The steps from the value of an embedding back to its positions, or the value's own step alone.

    Args:
        step: Gives the value.
        shape: Of the value, without the rows: that of an embedding of one code a row is [width].
        uses: How many steps take the value of each.
    """
    chain = [step]
    while uses[chain[-1]] == 1:
        kernel = chain[-1].part.kernel
        if isinstance(kernel, Positions):
            return chain
        if not (isinstance(kernel, Reshape) or (isinstance(kernel, Lookup) and kernel.widths == shape)):
            break
        chain += chain[-1].sources
    return [step]


def _looked_up_at_once(chains: list[list[Step]]) -> list[Step]:
    """Steps in the place of those of several embeddings, each from its value back to its positions."""
    [positions, lookup] = embedded([chain[-2].part.weights[0] for chain in chains])
    first = Step(positions, [source for chain in chains for source in chain[-1].sources])
    return [first, Step(lookup, [first])]
