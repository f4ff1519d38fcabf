"""Pages that are made when the site is built: the reference from the code, the results from the benchmarks.

Nothing here imports TensorFlow. A public name, a command, a family of models or a table of results that is added gets
its place by itself.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "tests" / "benchmarks"
TERMINAL = {"COLUMNS": "88", "NO_COLOR": "1"}

PACKAGES = {
    "kzoo": "The zoo: data sets, models, exports.",
    "kzoo.export": "What `kzoo` exports, and what reads exports without a server.",
    "kzoo.serving": "Labels, configuration, a server and a client.",
    "tuners": "The search for keras-tuner.",
    "tuners.parallel": "Trials in processes of their own.",
}
"""Packages with public names, which are those of the stub beside each."""

PROJECT = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md", "security": "SECURITY.md"}


def on_config(config: Any) -> Any:
    """Take every table of results into the navigation."""
    for entry in config.nav:
        if "Results" in entry:
            entry["Results"] = [f"results/{page}" for page in _result_pages()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    made = {f"reference/{name}.md": package_page(name) for name in PACKAGES}
    made["reference/commands.md"] = commands_page()
    made["reference/models.md"] = models_page()
    for name, file in PROJECT.items():
        made[f"project/{name}.md"] = (ROOT / file).read_text(encoding="utf-8")
    for page, source in _result_pages().items():
        made[f"results/{page}"] = _titled(source)
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    for picture in (BENCHMARKS / "lcbench" / "regret.png", BENCHMARKS / "lcbench" / "results.json"):
        files.append(File.generated(config, f"results/lcbench/{picture.name}", abs_src_path=str(picture)))
    for picture in (ROOT / "examples").glob("*.png"):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    return files


def public_names(package: str) -> list[str]:
    """The public names of a package, in the order of its stub."""
    stub = ROOT.joinpath(*package.split("."), "__init__.pyi")
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    return [alias.asname or alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]


def package_page(package: str) -> str:
    """The reference of a package."""
    names = sorted((name for name in public_names(package) if not name.startswith("__")), key=str.lower)
    entries = "\n\n".join(f"::: {package}.{name}" for name in names)
    return f"# {package}\n\n{PACKAGES[package]}\n\n{entries}\n"


def commands_page() -> str:
    """The help of every command, as a terminal shows it."""
    from kzoo.cli.app import app

    names = [each.name for each in app.registered_commands]
    parts = ["# Commands\n\nWhat `kzoo --help` and `kzoo COMMAND --help` show.\n", _block("--help")]
    parts += [f"## kzoo {name}\n\n{_block(name, '--help')}" for name in names]
    return "\n".join(parts)


def models_page() -> str:
    """The families of the zoo with their hyperparameters, as `kzoo models` shows them."""
    from kzoo.zoo.registry import list_models

    parts = ["# Models\n\nWhat `kzoo models` and `kzoo models NAME` show.\n", _block("models")]
    parts += [f"## {name}\n\n{_block('models', name)}" for name in list_models()]
    return "\n".join(parts)


def _block(*arguments: str) -> str:
    from typer.testing import CliRunner

    from kzoo.cli.app import app

    result = CliRunner().invoke(app, arguments, prog_name="kzoo", env=TERMINAL, catch_exceptions=False)
    if result.exit_code:
        raise RuntimeError(f"kzoo {' '.join(arguments)} ended with {result.exit_code}: {result.output}")
    lines = [line.rstrip() for line in result.output.strip("\n").splitlines()]
    return "```text\n" + "\n".join(lines).strip("\n") + "\n```\n"


def _result_pages() -> dict[str, Path]:
    """Pages of results by their place, the overview first; the folders are those of the benchmarks, for their links."""
    found = sorted(path for path in BENCHMARKS.rglob("*.md") if path.name != "README.md")
    return {"index.md": BENCHMARKS / "README.md"} | {str(path.relative_to(BENCHMARKS)): path for path in found}


def _titled(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    titles = {"real_search.md": "Real training", "results.md": "LCBench"}
    return text if text.startswith("# ") else f"# {titles.get(path.name, path.stem)}\n\n{text}"
