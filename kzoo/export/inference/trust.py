"""What an export would do when it is loaded and asked, read from its files before anything of it runs.

A SavedModel is a program. Those of others are run only if every operation in them computes from its inputs, its
variables and its tables alone. The same list serves for all: what is not on it is refused, also where this TensorFlow
does not know it. See SECURITY.md.

The weights and assets that it reads are its own, since a `Runner` puts their paths in place of what the graph has.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2

from kzoo.export.errors import ExportError

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# Operations whose first input names files: allowed where it can only be the export's own.
_READS_WEIGHTS = "RestoreV2"
_READS_ASSET = "InitializeTableFromTextFileV2"
_SAVES = frozenset(("SaveV2", "MergeV2Checkpoints"))
_PRINTS = frozenset(("Print", "PrintV2"))
_PASSES = frozenset(("Identity", "IdentityN"))
_MENTIONED = 3
_DEEPEST = 100


@functools.cache
def pure_operations() -> frozenset[str]:
    """Names of the operations that do nothing but compute."""
    lines = Path(__file__).with_name("pure_operations.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def refuse_untrusted(directory: Path, meta_graph: Any) -> None:
    """Refuse an export that would do more than compute.

    Args:
        directory: The export.
        meta_graph: Its `MetaGraphDef`.

    Raises:
        ExportError: It has something in it that is no plain file, or an operation that reads or writes files other than
            its own, uses the network, runs code, or is not known.
    """
    try:
        strange = next(strange_files(directory), None)
    except OSError as error:  # taken away while it is read
        raise ExportError(f"{directory} does not load: {error.strerror}.") from None
    if strange is not None:
        raise ExportError(f"{directory} is not loaded: {strange}")
    assets = [*_strange_assets(directory, meta_graph), *_strange_inputs(meta_graph)]
    graph = _Graph(meta_graph)
    missing = graph.missing_functions()
    if missing:
        # TensorFlow's error has the whole graph in it, which it then searches for minutes.
        raise ExportError(f"{directory} does not load: it lacks the function {missing[0][:80]!r}, which it calls.")
    if graph.calls_too_deep():
        raise ExportError(f"{directory} is not run: its functions call themselves, or each other without an end.")
    found = sorted({f"{_shown(node.op)} ({_shown(where)})" for where, node in graph.unknown()}) or assets
    if found:
        more = f" and {len(found) - _MENTIONED} more" if len(found) > _MENTIONED else ""
        raise ExportError(
            f"{directory} is not run: its graph has operations that may read or write files, use the network or run "
            f"code: {', '.join(found[:_MENTIONED])}{more}. Run it with --trust (trust=True) only if you know who made "
            "it."
        )


def strange_files(directory: Path) -> Iterator[str]:
    """What is neither a file nor a directory in an export: links, which may lead anywhere, and pipes and devices.

    Args:
        directory: The export; it may be a link itself.

    Yields:
        A sentence for each.
    """
    for parent, directories, names in os.walk(directory):
        for name in (*directories, *names):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield f"{path.relative_to(directory)} is a symbolic link; copy what it leads to."
            elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                yield f"{path.relative_to(directory)} is no file."


def _strange_assets(directory: Path, meta_graph: Any) -> Iterator[str]:
    for asset in meta_graph.asset_file_def:
        if asset.filename != os.path.basename(asset.filename) or not (directory / "assets" / asset.filename).is_file():
            yield f"an asset outside of the export ({asset.filename!r})"

    # Where older exports name their assets, and the loader still looks.
    collections = meta_graph.collection_def
    older = collections["saved_model_assets"].any_list.value if "saved_model_assets" in collections else ()
    known = {(each.tensor_info.name, each.filename) for each in meta_graph.asset_file_def}
    for packed in older:
        try:
            asset = meta_graph_pb2.AssetFileDef.FromString(packed.value)
        except DecodeError:
            yield "an asset that cannot be read"
            continue
        if (asset.tensor_info.name, asset.filename) not in known:
            yield f"an asset that is not listed ({asset.filename!r})"


def _strange_inputs(meta_graph: Any) -> Iterator[str]:
    """Inputs of signatures that are none: a request would take the place of what the graph has computed or is given."""
    placeholders = {node.name for node in meta_graph.graph_def.node if node.op.startswith("Placeholder")}
    files = {_node_name(each.tensor_info.name) for each in meta_graph.asset_file_def}
    files.add(_node_name(meta_graph.saver_def.filename_tensor_name))
    for signature in meta_graph.signature_def.values():
        for name, tensor in signature.inputs.items():
            if _node_name(tensor.name) not in placeholders - files:
                yield f"an input that is none ({name!r})"


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where nodes stand: a function, or the graph itself."""

    name: str
    nodes: Mapping[str, Any]
    arguments: Mapping[str, int] = dataclasses.field(default_factory=dict)


class _Graph:
    """The nodes of a graph and of its functions, with who calls whom."""

    def __init__(self, meta_graph: Any) -> None:
        graph = meta_graph.graph_def
        saver = meta_graph.saver_def
        self._filename = _node_name(saver.filename_tensor_name)
        self._assets = {_node_name(each.tensor_info.name) for each in meta_graph.asset_file_def}
        self._main = _Place("", {node.name: node for node in graph.node})
        self._functions = {
            function.signature.name: _Place(
                function.signature.name,
                {node.name: node for node in function.node_def},
                {argument.name: index for index, argument in enumerate(function.signature.input_arg)},
            )
            for function in graph.library.function
        }
        self._calls: dict[str, list[tuple[_Place, Any]]] = {}
        for place in (self._main, *self._functions.values()):
            for node in place.nodes.values():
                for name in _called(node):
                    self._calls.setdefault(name, []).append((place, node))
        self._nodes_run, self._functions_run = self._executed(meta_graph)

    def unknown(self) -> Iterator[tuple[str, Any]]:
        """Nodes that do more than compute, with the place where each stands."""
        for place in (self._main, *self._functions.values()):
            for node in place.nodes.values():
                if not self._is_harmless(place, node):
                    yield place.name or "graph", node

    def missing_functions(self) -> list[str]:
        """Functions that are called but not there."""
        return sorted(self._calls.keys() - self._functions.keys())

    def calls_too_deep(self) -> bool:
        """Whether functions call themselves or in too long a chain, over which TensorFlow's importer would crash."""
        calls: dict[str, set[str]] = {name: set() for name in self._functions}
        for name, callers in self._calls.items():
            for place, _ in callers:
                if place is not self._main and name in calls:
                    calls[place.name].add(name)
        # Level by level, those go that call only what has gone.
        for _ in range(_DEEPEST):
            calls = {name: called & calls.keys() for name, called in calls.items() if called & calls.keys()}
        return bool(calls)

    def _is_harmless(self, place: _Place, node: Any) -> bool:
        # A call by the name of a function; no operation has a name that begins so, which a function could hide.
        if node.op in pure_operations() or (node.op in self._functions and node.op.startswith("__")):
            return True
        if node.op in _PRINTS:
            return not node.attr["output_stream"].s.startswith(b"file:")
        if node.op in _SAVES:
            return node.name not in self._nodes_run if place is self._main else place.name not in self._functions_run
        if node.op == _READS_WEIGHTS:
            return bool(node.input) and self._origins(place, node.input[0]) == {self._filename}
        if node.op == _READS_ASSET:
            return len(node.input) > 1 and self._origins(place, node.input[1]) <= self._assets
        return False

    def _executed(self, meta_graph: Any) -> tuple[set[str], set[str]]:
        """Nodes and functions that a loader or a request may run; beside them every SavedModel says how to save it."""
        asked = [tensor.name for each in meta_graph.signature_def.values() for tensor in each.outputs.values()]
        named = [name for each in meta_graph.collection_def.values() for name in each.node_list.value]
        nodes: set[str] = set()
        todo = [meta_graph.saver_def.restore_op_name, *asked, *named]
        while todo:
            name = _node_name(todo.pop())
            if name in self._main.nodes and name not in nodes:
                nodes.add(name)
                todo += self._main.nodes[name].input
        functions: set[str] = set()
        todo = [each for name in nodes for each in _called(self._main.nodes[name])]
        while todo:
            name = todo.pop()
            if name in self._functions and name not in functions:
                functions.add(name)
                todo += [each for node in self._functions[name].nodes.values() for each in _called(node)]
        return nodes, functions

    def _assigned(self, handle: str) -> list[str]:
        """All values that a variable of the graph may have; none where that cannot be told.

        The path of an asset goes through a variable where a layer has made the table in its own graph.
        """
        variable = self._main.nodes.get(handle)
        nodes = [node for place in (self._main, *self._functions.values()) for node in place.nodes.values()]
        if variable is None or variable.op != "VarHandleOp":
            return []
        name = variable.attr["shared_name"].s
        if sum(node.op == "VarHandleOp" and node.attr["shared_name"].s == name for node in nodes) > 1:
            return []
        users = [node for node in self._main.nodes.values() if handle in map(_node_name, node.input)]
        if not {node.op for node in users} <= {"ReadVariableOp", "VarIsInitializedOp", "AssignVariableOp"}:
            return []
        return [node.input[1] for node in users if node.op == "AssignVariableOp"]

    def _origins(self, place: _Place, tensor: str) -> set[str]:
        """Nodes of the graph that a tensor comes from unchanged, through calls; what is computed counts as ""."""
        found: set[str] = set()
        todo, seen = [(place, tensor)], set()
        while todo:
            place, tensor = todo.pop()
            name = _node_name(tensor)
            if (place.name, name) in seen:
                continue
            seen.add((place.name, name))
            node = place.nodes.get(name)
            if node is None and name in place.arguments:
                index = place.arguments[name]
                callers = self._calls.get(place.name, [])
                found |= set() if callers else {""}
                for caller, call in callers:
                    # Other ways to call (loops, branches) pass their arguments in other places.
                    plain = call.op in _CALLS and index < len(call.input)
                    todo += [(caller, call.input[index])] if plain else []
                    found |= set() if plain else {""}
            elif node is not None and node.op in _PASSES and len(node.input) == 1:
                todo.append((place, node.input[0]))
            elif node is not None and node.op == "ReadVariableOp" and place is self._main:
                values = self._assigned(_node_name(node.input[0]))
                todo += [(place, value) for value in values]
                found |= set() if values else {""}
            else:
                found.add(name if place is self._main and node is not None else "")
        return found


def _called(node: Any) -> Iterator[str]:
    """Functions that a node names, or that are its operation."""
    if node.op.startswith("__"):
        yield node.op
    for attribute in node.attr.values():
        if attribute.HasField("func"):
            yield attribute.func.name
        yield from (function.name for function in attribute.list.func)


def _shown(name: str) -> str:
    """A name of anybody's choice, in a line."""
    return ascii(name)[1:-1][:80]


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]
