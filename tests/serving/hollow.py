"""Versions with nothing in them, for where nobody looks."""

from kzoo.export.manifest import write_manifest


def hollow_versions(base, *numbers):
    """Versions with the files alone by which an export of kzoo's is known; their directory."""
    for number in numbers:
        version = base / str(number)
        version.mkdir(parents=True)
        (version / "saved_model.pb").touch()
        write_manifest(version)
    return base
