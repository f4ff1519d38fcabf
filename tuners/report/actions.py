"""What to write into a search script to act on a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuners.space.shown import number


def in_a_script(action: Mapping[str, Any]) -> str:
    """An action as the arguments of a search script; "" where there is nothing to write.

    Args:
        action: See `Finding.action`.
    """
    parts = [f'hp.{_kind(ends)}("{name}", {", ".join(map(number, ends))}, ...)' for name, ends in _ranges(action)]
    parts += [f'hp.Fixed("{name}", {value!r})' for name, value in action.get("fix", {}).items()]
    parts += [f"scales={{{name!r}: {scale!r}}}" for name, scale in action.get("scale", {}).items()]
    named = {"trials": "max_trials={}", "epochs": "epochs={}", "executions": "executions_per_trial={}"}
    parts += [text.format(action[name]) for name, text in named.items() if name in action]
    return ", ".join(parts)


def _kind(ends: tuple[Any, Any]) -> str:
    return "Int" if all(isinstance(end, int) for end in ends) else "Float"


def _ranges(action: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, (low, high)) for name, (low, high) in action.get("range", {}).items()]
