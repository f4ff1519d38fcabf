"""Data from a folder of images, one sub-folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.raw import Part, RawData

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
LARGEST = 100_000_000
"""Pixels of one image at most; more is taken for an attack or a mistake."""


class ImageFiles:
    """Images that are read from their files by row number.

    Args:
        paths: One file a row.
        size: (height, width) in pixels that they have or are resized to.
        channels: 1 for grey, 3 for colour.
    """

    def __init__(self, paths: list[Path], size: tuple[int, int], channels: int) -> None:
        self.paths, self.size, self.channels = paths, size, channels
        self.shape = (len(paths), *size, channels)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: NDArray) -> NDArray[np.uint8]:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for index, row in enumerate(rows):
            images[index] = self._read(self.paths[row])
        return images

    def _read(self, path: Path) -> NDArray[np.uint8]:
        import PIL.Image

        with _opened(path) as image:
            try:
                image = image.convert("RGBA") if "transparency" in image.info else image
                image = image.convert("L" if self.channels == 1 else "RGB")
                height, width = self.size
                if image.size != (width, height):
                    image = image.resize((width, height), PIL.Image.Resampling.BILINEAR)
            except (OSError, ValueError, SyntaxError) as error:
                raise DataError(f"{path}: cannot be read as an image ({error}).") from None
        pixels = np.asarray(image, dtype=np.uint8)
        return pixels[..., None] if self.channels == 1 else pixels


def read_folder(folder: Path, image_size: tuple[int, int] | None) -> RawData:
    """Reads a folder with a sub-folder of images for each class; hidden files are left out.

    Args:
        folder: The folder.
        image_size: (height, width) in pixels to resize to; needed where the images are of different sizes.

    Returns:
        Images as uint8 [rows, height, width, channels], one channel where all of them are grey.

    Raises:
        DataError: There are no classes or images, one cannot be read, or their sizes differ and no size was asked for.
    """
    if image_size is not None and not all(isinstance(side, int) and 0 < side <= 10_000 for side in image_size):
        raise DataError(f"image_size is {image_size!r}; expected (height, width) in pixels, each from 1 to 10000.")
    root = folder.resolve()
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    paths, labels = [], []
    for name in classes:
        found = [each for each in sorted(name.rglob("*")) if _is_image(each, root)]
        if not found:
            raise DataError(f"{name}: no images in the folder of this class ({', '.join(sorted(SUFFIXES))}).")
        paths += found
        labels += [name.name] * len(found)
    if len(classes) < 2:
        raise DataError(
            f"{folder}: expected a sub-folder of images for each class, two at least; found {len(classes)}."
        )
    size, channels = _common(paths, image_size)
    rows = ImageFiles(paths, size, channels)
    return RawData(
        folder.resolve().name, str(folder), Part(rows, np.array(labels)), kind="classification", origin=str(folder)
    )


def _is_image(path: Path, root: Path) -> bool:
    if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
        return False
    # A link that leads out of the folder would take in files that were never meant to be shown.
    return path.is_file() and path.resolve().is_relative_to(root)


def _common(paths: list[Path], image_size: tuple[int, int] | None) -> tuple[tuple[int, int], int]:
    first: tuple[Path, tuple[int, int]] | None = None
    channels = 1
    for path in paths:
        with _opened(path) as image:
            size = (image.height, image.width)
            if image.mode not in ("1", "L", "LA", "I;16", "I", "F"):
                channels = 3
        first = first or (path, size)
        if image_size is None and size != first[1]:
            raise DataError(
                f"{path} is {size[0]}x{size[1]} pixels and {first[0]} {first[1][0]}x{first[1][1]} (height x width); "
                "name a size to resize them to, such as image_size=(64, 64) (--image-size 64x64)."
            )
    assert first is not None
    return image_size or first[1], channels


def _opened(path: Path) -> Any:
    import PIL.Image

    try:
        image = PIL.Image.open(path)
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as an image ({error}).") from None
    if image.width * image.height > LARGEST:
        image.close()
        raise DataError(f"{path}: {image.width}x{image.height} pixels is more than {LARGEST:,}; make it smaller.")
    return image
