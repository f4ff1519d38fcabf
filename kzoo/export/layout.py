"""Where things stand in a version of an export, and what the server's batching may do with it.

TensorFlow Serving reads of `assets.extra` only the warm-up requests, so that what belongs to an export can go there and
is copied with it.
"""

from __future__ import annotations

import re
from pathlib import Path

EXTRA = Path("assets.extra")
WARMUP = EXTRA / "tf_serving_warmup_requests"
GOLDEN = EXTRA / "kzoo" / "golden.json"
CARD = EXTRA / "kzoo" / "model_card.json"
CARD_TEXT = EXTRA / "kzoo" / "model_card.md"
MANIFEST = EXTRA / "kzoo" / "manifest.json"
OPENAPI = EXTRA / "kzoo" / "openapi.json"
REQUESTS = EXTRA / "kzoo" / "requests"
FORMATS = Path("formats")

REQUEST = "request.json"
"""Beside the versions: a request to try the newest one with."""

SERVED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Names of exports that go into an address and the server's configuration as they are."""

SERVED_NAME_RULE = "use letters, digits, -, _ and . only, and begin with a letter or a digit"


def served_name_of(text: str) -> str:
    """A name that a server takes, made from a text."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.") or "model"


ALLOWED_BATCH_SIZES = (1, 2, 4, 8, 16, 32)
"""Batch sizes that a server with batching pads to; an export is warmed up at each of them."""
