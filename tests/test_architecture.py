"""The walls between the packages and their rooms, by the imports that stand in the source.

A room is what stands directly below `kzoo` or `tuners`: a folder or a file. Imports for type checkers alone are free.
"""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = {
    "kzoo": [
        ["errors", "files", "locks", "lazy", "version"],
        ["tables"],
        ["task"],
        ["datasets"],
        ["zoo", "export"],
        ["serving"],
        ["cli"],
        ["__main__"],
    ],
    "tuners": [
        ["space", "protocols", "cgroups", "threads", "log", "private_apis", "version"],
        ["machine"],
        ["strategy", "store", "trackers"],
        ["trial_record"],
        ["study", "trial_metrics", "pruning", "folds", "changed_space", "callbacks", "compiling", "session"],
        ["insight", "past_searches"],
        ["report"],
        ["engine"],
        ["parallel"],
        ["oracle"],
        ["tuner"],
        ["search"],
    ],
}
"""Rooms from the ground up: each may import itself and what is in the lines above its own."""

LEARNING = {"tensorflow", "keras", "keras_tuner"}

PURE = {"numpy", "scipy", "threadpoolctl"}

POSIX = {"fcntl", "pwd", "grp", "resource", "termios"}
"""Modules that Windows does not have."""

PRIVATE = ("keras.src", "keras_tuner.src", "tensorflow.python", "tensorflow.compiler")


@dataclasses.dataclass(frozen=True)
class Import:
    """One import: where it stands, and the module or name that it asks for."""

    module: str
    line: int
    target: str
    for_types: bool

    def __str__(self) -> str:
        return f"{path_of(self.module).relative_to(ROOT)}:{self.line}: imports {self.target}"

    @property
    def package(self) -> str:
        return self.target.split(".")[0]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {module_of(path): path for package in ROOMS for path in sorted((ROOT / package).rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in SOURCES.items()}


def path_of(module: str) -> Path:
    return SOURCES[module]


def imports_of(module: str) -> Iterator[Import]:
    """All imports of a module, those inside of functions too."""
    tree = TREES[module]
    guarded = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module}: line {node.lineno} is a relative import"
            targets = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        yield from (Import(module, node.lineno, target, id(node) in guarded) for target in targets)


IMPORTS = [each for module in SOURCES for each in imports_of(module)]
AT_RUN = [each for each in IMPORTS if not each.for_types]


def within(module: str, *places: str) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def room_of(module: str) -> tuple[str, str]:
    package, _, rest = module.partition(".")
    return package, rest.split(".")[0]


def floor_of(room: tuple[str, str]) -> int:
    package, name = room
    floors = [number for number, names in enumerate(ROOMS[package]) if name in names]
    assert floors, f"{package}/{name} has no place in ROOMS of {Path(__file__).name}: say what it may import"
    return floors[0]


def refuse(found: list[Import], why: str) -> None:
    assert not found, "\n".join([why, *map(str, found)])


def test_arrows_between_rooms_point_one_way():
    wrong = []
    for each in AT_RUN:
        here, there = room_of(each.module), room_of(each.target)
        if each.package != here[0] or not here[1] or here == there:
            continue
        lower = SOURCES.keys() & {f"{there[0]}.{there[1]}"} and floor_of(there) < floor_of(here)
        # The package itself gives its public names; inside of it that would be a circle.
        if not lower and here != ("kzoo", "cli"):
            wrong.append(each)
    refuse(wrong, "A room imports what is not below it:")


def test_every_room_has_a_place():
    for module in SOURCES:
        if room_of(module)[1]:
            floor_of(room_of(module))


def test_kzoo_and_tuners_do_not_import_each_other():
    others = {"kzoo": "tuners", "tuners": "kzoo"}
    wrong = [
        each
        for each in IMPORTS
        if each.package == others[room_of(each.module)[0]] and not within(each.module, "kzoo.cli")
    ]
    refuse(wrong, "Only kzoo/cli may join the two packages:")


@pytest.mark.parametrize(
    ("place", "below"),
    [("tuners.space", ("tuners.space",)), ("tuners.strategy", ("tuners.space", "tuners.strategy", "tuners.threads"))],
)
def test_space_and_strategy_are_pure(place, below):
    wrong = [
        each
        for each in AT_RUN
        if within(each.module, place)
        and each.package not in {*sys.stdlib_module_names, *PURE}
        and not within(each.target, *below)
    ]
    refuse(wrong, f"{place} knows the standard library, {', '.join(sorted(PURE))} and {' and '.join(below)}:")


def test_what_reads_a_search_knows_no_tensorflow():
    places = (
        "tuners.store",
        "tuners.study",
        "tuners.trackers",
        "tuners.machine",
        "tuners.log",
        "tuners.protocols",
        "tuners.pruning",
    )
    places += ("tuners.insight", "tuners.report")
    wrong = [each for each in AT_RUN if within(each.module, *places) and each.package in LEARNING]
    refuse(wrong, "These must start without TensorFlow, Keras and keras-tuner:")


def test_tables_know_no_tensorflow():
    refuse(
        [each for each in AT_RUN if within(each.module, "kzoo.tables") and each.package in LEARNING],
        "Tables are read in a second, without TensorFlow, Keras and keras-tuner:",
    )


READS = """
import sys, warnings
import kzoo, tuners, tuners.store.checkpoints, tuners.store.records, tuners.machine, tuners.log, tuners.pruning
import tuners.strategy.planner, tuners.parallel.messages, tuners.parallel.worker_pipe
import kzoo.datasets, kzoo.tables.reading, kzoo.zoo.registry, kzoo.serving.releases, kzoo.serving.server
import kzoo.export.staging
study = tuners.Study.load(sys.argv[1])
assert study.best and tuners.__version__ and kzoo.__version__ and kzoo.list_models()
print(*sorted({"tensorflow", "keras.src", "keras_tuner"} & set(sys.modules)))
"""


def test_reading_a_search_imports_no_tensorflow_in_fact():
    run = ROOT / "tests" / "written_before" / "run_0_1"
    found = subprocess.run([sys.executable, "-c", READS, run], capture_output=True, text=True, cwd=ROOT)
    assert (found.returncode, found.stdout.strip()) == (0, ""), found.stderr


def test_the_process_of_the_gate_knows_no_keras():
    reached, waiting = set(), ["kzoo.export.gate.process"]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in SOURCES:
            continue
        reached.add(module)
        for each in AT_RUN:
            if each.module == module:
                # The name may be a module of its own or stand in one.
                waiting += [each.target, each.target.rpartition(".")[0]]
    assert "kzoo.export.golden" in reached
    wrong = [each for each in AT_RUN if each.module in reached and each.package in ("keras", "keras_tuner")]
    refuse(wrong, "The gate runs an export without Keras:")
    # What is imported when it is first used has not been.
    code = "import sys, kzoo.export.gate.process; print(*{'keras.src', 'keras_tuner'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (found.returncode, found.stdout.strip()) == (0, ""), found.stderr


def test_the_web_server_stays_in_its_room():
    web = {"starlette", "uvicorn", "httptools", "h11"}
    wrong = [each for each in IMPORTS if each.package in web and not within(each.module, "kzoo.serving.embedded")]
    refuse(wrong, "Who starts a server does not load one:")


def test_nothing_needs_what_windows_does_not_have():
    refuse([each for each in IMPORTS if each.package in POSIX], "Not there on Windows:")


def is_private(target: str) -> bool:
    names = target.split(".")
    foreign = names[0] not in ROOMS and names[0] not in ("__future__", "_typeshed")
    return within(target, *PRIVATE) or (foreign and any(each.startswith("_") for each in names))


def test_private_names_of_others_are_used_in_one_place():
    wrong = [each for each in IMPORTS if is_private(each.target) and each.module != "tuners.private_apis"]
    refuse(wrong, "Private, and so for tuners/private_apis.py:")
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for module, path in SOURCES.items()
        if module != "tuners.private_apis"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if "noqa: SLF" in line
    ]
    assert not lines, "\n".join(["ruff finds private names here, which is for tuners/private_apis.py:", *lines])


def own_private_names() -> set[str]:
    """Names with an underscore in front that our own source gives to something."""
    names = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return names


HOOKS = {
    "_build_hypermodel",
    "_compute_values_hash",
    "_configure_tensorboard_dir",
    "_display",
    "_get_checkpoint_fname",
    "_get_tuner_fname",
    "_populate_initial_space",
}
"""What keras-tuner's own tuners and oracles call and override, and its users with them.

`tests/oracle` and `tests/tuner` fail where one is gone."""


def test_private_names_of_base_classes_are_left_alone():
    """What ruff cannot see: `self._name` that a base class of others has, and names given as text."""
    own, wrong = own_private_names(), []
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            name, owner = None, None
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name, owner = node.attr, node.value.id
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
                text = node.args[1]
                name, owner = text.value if isinstance(text, ast.Constant) else None, ast.unparse(node.args[0])
            private = isinstance(name, str) and name.startswith("_") and not name.startswith("__")
            foreign = private and (name not in own or owner not in ("self", "cls", *own))
            # ruff reads attributes of anything but self.
            seen_by_ruff = isinstance(node, ast.Attribute) and owner not in ("self", "cls")
            if foreign and name not in HOOKS and not seen_by_ruff and module != "tuners.private_apis":
                wrong.append(f"{path_of(module).relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, "\n".join(["Private names that are not ours, for tuners/private_apis.py:", *wrong])


def test_reads_itself():
    """The helpers above find what they are for."""
    assert len(SOURCES) > 100 and len(AT_RUN) > 500 and len(AT_RUN) < len(IMPORTS)
    assert (
        is_private("keras.src.backend.x") and is_private("tensorflow.python.eager.context") and is_private("numpy._x")
    )
    assert not is_private("keras.layers.Dense") and not is_private("tuners.private_apis.x")
    assert floor_of(("tuners", "space")) < floor_of(("tuners", "strategy")) < floor_of(("tuners", "oracle"))
