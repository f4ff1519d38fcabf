"""Keras, imported when it is first used: what only lists or reads must start without TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras as keras
else:

    class _Keras:
        """Stands for the module in ours alone.

        A lazy module in `sys.modules` would be found by everybody: where TensorFlow is imported before it was used, it
        finds Keras half imported, and stays so.
        """

        def __getattr__(self, name: str) -> Any:
            return getattr(importlib.import_module("keras"), name)

    keras = _Keras()
