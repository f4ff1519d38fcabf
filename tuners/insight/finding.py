"""What a study shows that somebody should act on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

LEVELS = ("important", "advice", "note")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a careful practitioner would say of a search.

    Attributes:
        rule: Name of the rule that found it, such as "edge".
        level: "important" (the result changes with it), "advice" (the next search is better for it) or "note".
        words: What was found and what follows, in a sentence or two.
        evidence: The numbers that it rests on, plain data.
        action: What to change, plain data: "range" and "fix" by the names that people use, "scale", "trials", "epochs",
            "executions", "validation_rows".
        trials: Numbers of the trials that show it.
    """

    rule: str
    level: str
    words: str
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    action: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    trials: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; expected one of {', '.join(LEVELS)}.")
