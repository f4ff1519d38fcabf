"""`kzoo models [NAME]`: the zoo, or one family with its hyperparameters."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import rich.table
import typer

from kzoo.cli.console import bad_argument, console, print_json
from kzoo.cli.shown import number, shown_name, shown_value
from kzoo.zoo.hyperparameters import Choice, Float, Hyperparameter, Int
from kzoo.zoo.registry import Family, get_family, list_models

LEARNS = {"classification": "classes", "regression": "numbers", "multi-label": "labels"}


def models(
    name: Annotated[str | None, typer.Argument(help="A family, to see its hyperparameters.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the zoo, or one family's hyperparameters by priority.

    Example: kzoo models mlp
    """
    if name is None:
        families = [get_family(each) for each in list_models()]
        if as_json:
            print_json([_family_record(family) for family in families])
        else:
            _print_zoo(families)
        return
    with bad_argument(hint="NAME"):
        family = get_family(name)
    if as_json:
        print_json({**_family_record(family), "hyperparameters": [_record(each) for each in family.space]})
    else:
        _print_family(family)


def _family_record(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "description": family.description,
        "kinds": list(family.kinds),
        "inputs": "images" if family.images_only else "any",
    }


def _record(declared: Hyperparameter) -> dict[str, Any]:
    return {"type": type(declared).__name__.lower(), **dataclasses.asdict(declared)}


def _print_zoo(families: list[Family]) -> None:
    table = rich.table.Table(box=None, pad_edge=False)
    for title in ("model", "learns", "inputs", "made of"):
        table.add_column(title, no_wrap=title == "model")
    for family in families:
        learns = ", ".join(LEARNS[kind] for kind in family.kinds)
        table.add_row(family.name, learns, "images" if family.images_only else "any", family.description)
    out = console()
    out.print(table)
    out.print("\nHyperparameters of one: kzoo models NAME")


def _print_family(family: Family) -> None:
    out = console()
    out.print(f"{family.name}: {family.description}\n")
    table = rich.table.Table(box=None, pad_edge=False)
    table.add_column("priority", justify="center")
    table.add_column("hyperparameter", overflow="fold")
    table.add_column("range", overflow="fold")
    table.add_column("scale")
    table.add_column("default", justify="right")
    ordered = sorted(family.space, key=lambda declared: declared.priority)
    for before, declared in zip([None, *ordered], ordered, strict=False):
        first = before is None or before.priority != declared.priority
        table.add_row(str(declared.priority) if first else "", *_row(declared))
    out.print(table)
    out.print(
        "\nA search tunes priorities 1 to 3; --priority changes that. What stands under\n"
        "a choice (adam/learning_rate) applies with that choice only.\n"
        f"Next: kzoo search {family.name} --data DATA"
    )


def _row(declared: Hyperparameter) -> tuple[str, str, str, str]:
    name = shown_name(declared.name)
    default = number(shown_value(declared.name, declared.default))
    if isinstance(declared, Choice):
        return name, ", ".join(map(str, declared.values)), "", default
    if not isinstance(declared, Float | Int):
        return name, "yes, no", "", "yes" if declared.default else "no"
    low, high = sorted(shown_value(declared.name, bound) for bound in (declared.low, declared.high))
    scale: str = "log of 1 - x" if name != declared.name else declared.scale
    if isinstance(declared, Int) and declared.factor is not None:
        scale = f"by factors of {declared.factor}"
    return name, f"{number(low)} to {number(high)}", scale, default
