"""The one private corner of Keras that there is no way around.

Which weights an optimizer leaves out of weight decay is told to it by `Optimizer.exclude_from_weight_decay`, and
nothing public gives it back. `tests/engine/test_population.py` fails when Keras changes this.
"""

from __future__ import annotations

from typing import Any


def is_decayed(optimizer: Any, weight: Any) -> bool:
    """Whether the weight decay of an optimizer shrinks a Keras variable."""
    # Asked with the variable underneath, as the optimizer asks itself: names are matched against its name.
    return optimizer._use_weight_decay(weight.value)  # noqa: SLF001
