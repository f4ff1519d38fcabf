"""Where a version keeps what the server does not load: its golden answers, its model card and its checksums.

They stand inside the version, in `assets.extra/kzoo/`, so that a version that is copied or pruned takes them along. Of
`assets.extra` the server reads one file, the warm-up requests.
"""

from __future__ import annotations

from pathlib import Path

ASSETS_EXTRA = "assets.extra"


def extras(version: Path) -> Path:
    """The directory for them in a version's directory."""
    return version / ASSETS_EXTRA / "kzoo"
