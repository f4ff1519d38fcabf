"""Data from a folder of images, one sub-folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kzoo.datasets.dataset import DataError
from kzoo.datasets.image_files import ImageFiles, is_grey, open_image
from kzoo.datasets.raw import Part, RawData

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Sub-folders that stand for parts of the data where each holds folders of classes."""

Size = tuple[int, int]


def read_folder(folder: Path, image_size: Size | None) -> RawData:
    """Reads a folder with a sub-folder of images for each class, or with train, val and test that hold such folders.

    Hidden files, links that lead out of the folder, and files that are not called like images are left out.

    Args:
        folder: The folder.
        image_size: (height, width) in pixels to resize to; needed where the images are of different sizes.

    Returns:
        Images as uint8 [rows, height, width, channels], one channel where all of them are grey; classes are sorted by
        name.

    Raises:
        DataError: There are no classes or images, one cannot be read, or their sizes differ and no size was asked for.
    """
    _check_size(image_size)
    found = {part: _labelled(each, folder.resolve()) for part, each in _parts(folder).items()}
    size, channels = _common([path for paths, _ in found.values() for path in paths], image_size)
    parts = {part: Part(ImageFiles(paths, size, channels), np.array(labels)) for part, (paths, labels) in found.items()}
    return RawData(
        folder.resolve().name,
        str(folder),
        parts["train"],
        _loaded(parts.get("validation")),
        _loaded(parts.get("test")),
        kind="classification",
        origin=folder.name,
    )


def _check_size(size: object) -> None:
    whole = isinstance(size, tuple | list) and len(size) == 2 and all(isinstance(side, int) for side in size)
    if size is not None and not (whole and all(0 < side <= 10_000 for side in size)):  # type: ignore[attr-defined]
        raise DataError(f"image_size is {size!r}; expected (height, width) in pixels, each from 1 to 10000.")


def _loaded(part: Part | None) -> Part | None:
    return part and Part(part.x[np.arange(len(part.x))], part.y)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from None


def _parts(folder: Path) -> dict[str, Path]:
    folders = _folders(folder)
    names = [PARTS.get(each.name.lower()) for each in folders]
    if None in names or "train" not in names or not _folders(folders[names.index("train")]):
        return {"train": folder}
    parts: dict[str, Path] = {}
    for each in folders:
        part = PARTS[each.name.lower()]
        if part in parts:
            raise DataError(
                f"{folder}: {parts[part].name} and {each.name} mean the same; put the images into one of them."
            )
        parts[part] = each
    return parts


def _labelled(folder: Path, root: Path) -> tuple[list[Path], list[str]]:
    classes = _folders(folder)
    if len(classes) < 2:
        raise DataError(
            f"{folder}: expected a sub-folder of images for each class, two at least; found {len(classes)}."
        )
    paths: list[Path] = []
    labels: list[str] = []
    for each in classes:
        found = sorted(_images(each, root))
        if not found:
            raise DataError(
                f"{each}: no images in the folder of this class ({', '.join(sorted(SUFFIXES))}); links out of {root} "
                "are not followed."
            )
        paths += found
        labels += [each.name] * len(found)
    return paths, labels


def _images(folder: Path, root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place) / name
            # A link that leads out of the folder would take in files that were never meant to be shown.
            if not name.startswith(".") and path.suffix.lower() in SUFFIXES and path.resolve().is_relative_to(root):
                yield path


def _common(paths: list[Path], image_size: Size | None) -> tuple[Size, int]:
    first: Size | None = None
    channels = 1
    for path in paths:
        with open_image(path) as image:
            size = (image.height, image.width)
            channels = channels if is_grey(image) else 3
        first = first or size
        if image_size is None and size != first:
            raise DataError(
                f"{path} is {size[0]}x{size[1]} pixels and {paths[0]} {first[0]}x{first[1]} (height x width); "
                "name a size to resize them to, such as image_size=(64, 64) (--image-size 64x64)."
            )
    assert first is not None
    return (image_size[0], image_size[1]) if image_size else first, channels
