"""Layers of a model that answer by another function for a while; the layers themselves stay what they are.

The model is called as ever: its wiring, masks, operations, adapted tables and every layer that is not replaced are its
own objects, so that nothing about them can be copied wrongly.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras import Layer

Answer = Callable[..., Any]


@contextlib.contextmanager
def answering(replacements: Mapping[Layer, Answer]) -> Iterator[None]:
    """Let layers answer by other functions inside this context.

    Args:
        replacements: For each layer, what is called in the place of its `call`, with the same arguments. Other threads
            still get the layer's own.
    """
    try:
        for layer, answer in replacements.items():
            # Past Keras' tracking of attributes, which is for layers and variables.
            vars(layer)["call"] = _in_this_thread(answer, layer.call)
        yield
    finally:
        for layer in replacements:
            vars(layer).pop("call", None)


def is_as_made(layer: Layer) -> bool:
    """Whether a layer answers by the `call` of its class, which nobody has put another in the place of."""
    return "call" not in vars(layer)


def _in_this_thread(answer: Answer, own: Answer) -> Answer:
    thread = threading.get_ident()

    @functools.wraps(own)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (answer if threading.get_ident() == thread else own)(*args, **kwargs)

    return call
