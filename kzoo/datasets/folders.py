"""Data from a folder of images, one sub-folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kzoo.datasets.checks import plural
from kzoo.datasets.dataset import DataError
from kzoo.datasets.image_files import WIDE_GREY, ImageFiles, is_grey, open_image, orientation, wide_bits
from kzoo.datasets.raw import Part, RawData
from kzoo.tables.marks import PARTS, PartName, part_of

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
Size = tuple[int, int]


def read_folder(folder: Path, image_size: Size | None) -> RawData:
    """Reads a folder with a sub-folder of images for each class, or with train, val and test that hold such folders.

    Hidden files, links that lead out of the folder, and files that are not called like images are left out. Parts may
    be called training_set, valid, test_images and the like.

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
    folders, remarks = _parts(folder)
    found = {part: _labelled(each, folder.resolve()) for part, each in folders.items()}
    size, channels, bits, seen = _common([path for paths, _ in found.values() for path in paths], image_size)
    parts = {
        part: Part(ImageFiles(paths, size, channels, bits), np.array(labels)) for part, (paths, labels) in found.items()
    }
    return RawData(
        folder.resolve().name,
        str(folder),
        parts["train"],
        _loaded(parts.get("validation")),
        _loaded(parts.get("test")),
        kind="classification",
        remarks=(*remarks, *seen),
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


def _parts(folder: Path) -> tuple[dict[PartName, Path], list[str]]:
    """The folder of each part, and what is to be said of them."""
    folders = _folders(folder)
    named = [(part, each) for each in folders if (part := part_of(each.name))]
    parts = dict(named)
    # A folder called train may be a class, of vehicles for one: it holds images then, and no test stands beside it.
    if "train" not in parts or (len(parts) < 2 and not _folders(parts["train"])):
        return {"train": folder}, []
    for part, each in named:
        if parts[part] != each:
            raise DataError(
                f"{folder}: {each.name} and {parts[part].name} mean the same; put the images into one of them."
            )
    if not _folders(parts["train"]):
        raise DataError(
            f"{folder}: {parts['train'].name} is a part of the data and holds no folder for each class; put its images "
            "into such folders."
        )
    others = [each.name for each in folders if each not in parts.values()]
    if any(_folders(folder / name) for name in others):
        known = ", ".join(each.name for each in parts.values())
        raise DataError(f"{folder}: {', '.join(others)} is no part of the data, as {known} are; move it elsewhere.")
    unlabelled = [part for part in parts if part != "train" and not _folders(parts[part])]
    others += [parts.pop(part).name for part in unlabelled]
    remarks = [f"Left out, since there is no folder of each class in it: {', '.join(others)}."] if others else []
    found = [f"{part} in {parts[part].name}" for part in PARTS if part in parts]
    return parts, [f"Parts: {', '.join(found)}.", *remarks]


def _labelled(folder: Path, root: Path) -> tuple[list[Path], list[str]]:
    classes = _folders(folder)
    if len(classes) < 2:
        raise DataError(
            f"{folder}: expected a sub-folder of images for each class, two at least; found {len(classes)}."
        )
    paths: list[Path] = []
    labels: list[str] = []
    images = {each: sorted(_images(each, root)) for each in classes}
    if not any(images.values()):
        raise DataError(f"{folder}: no images in its folders; expected a sub-folder of images for each class.")
    for each, found in images.items():
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


def _common(paths: list[Path], image_size: Size | None) -> tuple[Size, int, int, list[str]]:
    """Size and channels of all images, bits of those with more than 8, and what is to be said of them."""
    first: Size | None = None
    channels, turned, transparent, wide = 1, 0, 0, []
    for path in paths:
        with open_image(path) as image:
            size = (image.height, image.width)
            tag = orientation(image)
            channels = channels if is_grey(image) else 3
            transparent += bool(image.has_transparency_data)
            wide += [path] if image.mode in WIDE_GREY else []
        size = (size[1], size[0]) if tag > 4 else size
        turned += tag > 1
        first = first or size
        if image_size is None and size != first:
            raise DataError(
                f"{path} is {size[0]}x{size[1]} pixels and {paths[0]} {first[0]}x{first[1]} (height x width); "
                "name a size to resize them to, such as image_size=(64, 64) (--image-size 64x64)."
            )
    assert first is not None
    bits = wide_bits(wide)
    remarks = []
    if turned:
        remarks.append(f"{plural(turned, 'image')} turned as the camera's tag says; turn those to predict as well.")
    if transparent:
        remarks.append(f"What is transparent shows white ({plural(transparent, 'image')}).")
    if wide:
        remarks.append(
            f"{plural(len(wide), 'image')} of 16 bits, {bits} of which are used: values are divided by "
            f"{2 ** (bits - 8)}, to be from 0 to 255; those to predict as well."
        )
    return (image_size[0], image_size[1]) if image_size else first, channels, bits, remarks
