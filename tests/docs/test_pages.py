"""What the pages and the README show: their Python runs, their commands exist, their reference lacks nothing."""

import re
import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
import typer.main

import kzoo
from kzoo.cli.app import app
from kzoo.zoo import registry

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NOT_RUN = "<!-- not run: "
FENCE = re.compile(r"(?P<before>[^\n]*\n)```(?P<kind>python|sh)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


FEW = {"max_trials": 2, "epochs": 2}
"""Of these numbers, so many in tests."""


def in_small(code):
    def few(found):
        return f"{found[1]}={min(int(found[2]), FEW[found[1]])}"

    return re.sub(rf"\b({'|'.join(FEW)})=(\d+)", few, code)


def blocks(page, kind):
    """Blocks of code with the number of the line that each begins at."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start("code")), found["code"])
        for found in FENCE.finditer(text)
        if found["kind"] == kind and not found["before"].startswith(NOT_RUN)
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    kzoo.list_models()
    # Families that a page registers are gone with it.
    monkeypatch.setattr(registry, "_FAMILIES", dict(vars(registry)["_FAMILIES"]))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "saved_models" / "digits", tmp_path / "saved_models" / "digits")
    names = {"__name__": page.stem}
    for line, code in blocks(page, "python"):
        # Errors name the page and its line.
        exec(compile("\n" * line + in_small(code), str(page), "exec"), names)


def commands_of(page):
    for line, code in blocks(page, "sh"):
        for number, text in enumerate(code.replace("\\\n", " ").splitlines(), start=line + 1):
            if text.startswith("kzoo "):
                yield number, shlex.split(text, comments=True)[1:]


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands_of(page))], ids=lambda page: page.stem)
def test_commands_of_a_page_are_there(page):
    group = typer.main.get_command(app)
    for number, (name, *arguments) in commands_of(page):
        assert name in group.commands, f"{page}, line {number}: kzoo {name}"
        # Names, types and ranges of the arguments are checked; nothing is run.
        group.commands[name].make_context(name, arguments)


def test_no_page_but_a_few_blocks_is_left_out():
    left_out = [page.stem for page in PAGES for _ in range(page.read_text(encoding="utf-8").count(NOT_RUN))]
    assert sorted(left_out) == ["README", "README", "clusters", "serving", "start"]


@pytest.fixture
def hooks(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    yield import_module("hooks")
    sys.modules.pop("hooks", None)


def test_reference_has_every_public_name(hooks):
    for package in hooks.PACKAGES:
        page = hooks.package_page(package)
        for name in import_module(package).__all__:
            assert name.startswith("__") or f"::: {package}.{name}\n" in page + "\n"


def test_every_stub_has_a_page(hooks):
    found = [path for name in ("kzoo", "tuners") for path in (ROOT / name).rglob("__init__.pyi")]
    stubs = {".".join(path.parent.relative_to(ROOT).parts) for path in found}
    assert stubs == set(hooks.PACKAGES)


def test_reference_has_every_command_and_family(hooks):
    commands, models = hooks.commands_page(), hooks.models_page()
    for name in typer.main.get_command(app).commands:
        assert f"## kzoo {name}\n" in commands and f"Usage: kzoo {name} " in commands
    for name in kzoo.list_models():
        assert f"## {name}\n" in models and f"{name}: " in models
