"""Formats beside the SavedModel, and what runs them: without Keras, as whoever takes the file does."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kzoo.export.errors import ExportError, reason
from kzoo.export.layout import FORMATS

Arrays = Mapping[str, np.ndarray]
Answer = Callable[[Arrays], list[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Format:
    """A format that Keras writes a model in.

    Attributes:
        name: Its name, as `keras.Model.export(format=...)` has it.
        file: Its file in an export. Not beside `saved_model.pb` itself, where a server that is started with
            `--prefer_tflite_model` would take a `model.tflite` for the model to serve
            (`tensorflow_serving/servables/tensorflow/saved_model_bundle_factory.cc`, TfLiteModelFound).
        modules: What writing and running it imports.
        opened: From the file, a function of arrays by input name that answers with the model's outputs, in their order.
    """

    name: str
    file: Path
    modules: tuple[str, ...]
    opened: Callable[[Path], Answer]


def known_formats(names: Iterable[str]) -> tuple[Format, ...]:
    """Formats by name.

    Args:
        names: Their names.

    Raises:
        ExportError: There is no such format, or what it needs is not installed.
    """
    found = []
    for name in dict.fromkeys(names):
        if name not in KNOWN:
            raise ExportError(f"There is no format {name!r}; there are {', '.join(KNOWN)}.")
        missing = [module for module in KNOWN[name].modules if importlib.util.find_spec(module) is None]
        if missing:
            raise ExportError(
                f"The format {name} needs {', '.join(missing)}, which is not installed: pip install 'kzoo[{name}]'"
            )
        found.append(KNOWN[name])
    return tuple(found)


def leave_out(what: str, error: Exception) -> str:
    """What is wrong with a file of a format, and what to do, in one line."""
    return f"{what}: {textwrap.shorten(reason(error), 240).rstrip('.: ')}. Leave this format out."


@contextlib.contextmanager
def untold() -> Iterator[None]:
    """OpenVINO without what tells its makers of every conversion: its import can do without that."""
    module = "openvino_telemetry"
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


def _onnx(path: Path) -> Answer:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    return lambda arrays: session.run(None, _called(names, arrays))


def _litert(path: Path) -> Answer:
    from ai_edge_litert.interpreter import Interpreter

    # Only a reference to the interpreter keeps its signatures alive.
    interpreter = Interpreter(str(path))
    runner = interpreter.get_signature_runner()
    names, outputs = list(runner.get_input_details()), sorted(runner.get_output_details(), key=_natural)

    def answer(arrays: Arrays) -> list[np.ndarray]:
        assert interpreter is not None
        found = runner(**_called(names, arrays))
        return [found[name] for name in outputs]

    return answer


def _openvino(path: Path) -> Answer:
    with untold():
        import openvino

    # By itself it computes in bfloat16 where the processor can.
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = [tensor.get_any_name() for tensor in compiled.inputs]
    # In an order of its own, but by TensorFlow's names: Identity, Identity_1 and so on.
    outputs = {
        name: output for output in compiled.outputs for name in output.get_names() if name.startswith("Identity")
    }

    def answer(arrays: Arrays) -> list[np.ndarray]:
        found = compiled(_called(names, arrays))
        return [found[outputs[name]] for name in sorted(outputs, key=_natural)]

    return answer


def _called(names: list[str], arrays: Arrays) -> dict[str, Any]:
    """Arrays by the names that a file has for the inputs: much the same names, or at least the same order."""
    ours = {_plain_name(name): name for name in arrays}
    if {_plain_name(name) for name in names} == ours.keys():
        return {name: arrays[ours[_plain_name(name)]] for name in names}
    if len(names) != len(arrays):
        raise ValueError(f"it takes {names or 'nothing'} in the place of {list(arrays)}")
    return dict(zip(names, arrays.values(), strict=True))


def _plain_name(name: str) -> str:
    return re.sub(r"\W", "_", name.split(":")[0]).lower()


def _natural(name: str) -> list[Any]:
    """So that "output_10" comes after "output_9"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


KNOWN = {
    each.name: each
    for each in (
        Format("onnx", FORMATS / "model.onnx", ("tf2onnx", "onnx", "onnxruntime"), _onnx),
        Format("litert", FORMATS / "model.tflite", ("ai_edge_litert",), _litert),
        Format("openvino", FORMATS / "model.xml", ("openvino",), _openvino),
    )
}
"""Formats by name."""
