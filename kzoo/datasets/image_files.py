"""Pixels of image files, as arrays of bytes."""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError

if TYPE_CHECKING:
    import PIL.Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats that are opened, whatever a file is called: others, such as EPS, would have programs run on them."""

LARGEST = 80_000_000
"""Pixels of one image at most; more is taken for an attack or a mistake. Below the size that Pillow warns of."""

NAMED = 5
"""Images that a message names."""

ORIENTATION = 0x0112
"""The tag of EXIF that says how an image is to be turned."""

GREY = ("1", "L", "LA", "La")
WIDE_GREY = ("I", "I;16", "I;16B", "I;16L", "I;16N")
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error, MemoryError)
"""What Pillow raises for files that are not whole."""


class ImageFiles:
    """Images that are read from their files by row number.

    Transparent parts show white, and images are turned as the tags of cameras say: as they are seen.

    Args:
        paths: One file per row.
        size: (height, width) in pixels that they have or are resized to.
        channels: 1 for grey, 3 for colour.
        wide_bits: Bits that the values of images with more than 8 have.
    """

    def __init__(self, paths: list[Path], size: tuple[int, int], channels: int, wide_bits: int = 16) -> None:
        self.paths, self.size, self.channels, self._wide_bits = paths, size, channels, wide_bits
        self.shape = (len(paths), *size, channels)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: NDArray[Any]) -> NDArray[np.uint8]:
        images = self._empty(len(rows))
        for index, row in enumerate(rows):
            try:
                images[index] = self._read(self.paths[row])
            except DataError as error:
                raise self._damaged(error) from None
        return images

    def _damaged(self, first: DataError) -> DataError:
        """The error that names every file that cannot be read, so that they are mended at once."""
        problems = [problem for path in self.paths if (problem := self._problem(path))]
        if len(problems) < 2:
            return first
        more = f" (and {len(problems) - NAMED} more)" if len(problems) > NAMED else ""
        return DataError(
            f"{len(problems)} images cannot be read: {'; '.join(problems[:NAMED])}{more}; mend or delete them."
        )

    def _problem(self, path: Path) -> str:
        try:
            self._read(path)
            return ""
        except DataError as error:
            return str(error).removesuffix(".")

    def _empty(self, rows: int) -> NDArray[np.uint8]:
        height, width = self.size
        try:
            return np.empty((rows, height, width, self.channels), np.uint8)
        except MemoryError:
            size = rows * height * width * self.channels / 1e9
            raise DataError(
                f"{self.paths[0]} and {rows - 1} more images of {height}x{width} pixels take {size:.3g} GB, more "
                "memory than there is; name a smaller size, such as image_size=(64, 64) (--image-size 64x64)."
            ) from None

    def _read(self, path: Path) -> NDArray[np.uint8]:
        import PIL.Image

        height, width = self.size
        with open_image(path) as opened, _unwarned():
            try:
                image = _on_white(_turned(opened), path, self._wide_bits - 8)
                image = image.convert("L" if self.channels == 1 else "RGB")
                if image.size != (width, height):
                    image = image.resize((width, height), PIL.Image.Resampling.BILINEAR)
            except DataError:
                raise
            except DAMAGED as error:
                raise DataError(f"{path}: cannot be read as an image ({error}).") from None
        return np.asarray(image, dtype=np.uint8).reshape(height, width, self.channels)


def open_image(path: Path) -> PIL.Image.Image:
    """Opens a file, reading no more than its header.

    Args:
        path: The file.

    Returns:
        The image, to be closed by the caller.

    Raises:
        DataError: It is not an image in one of `FORMATS`, or has more than `LARGEST` pixels.
    """
    import PIL.Image

    try:
        with _unwarned():
            image = PIL.Image.open(path, formats=FORMATS)
    except PIL.UnidentifiedImageError:
        raise DataError(f"{path}: cannot be read as an image ({', '.join(FORMATS)}).") from None
    except (PIL.Image.DecompressionBombError, *DAMAGED) as error:
        raise DataError(f"{path}: cannot be read as an image ({error}).") from None
    if image.width * image.height > LARGEST:
        image.close()
        raise DataError(f"{path}: {image.width}x{image.height} pixels is more than {LARGEST:,}; make it smaller.")
    return image


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Without Pillow's warnings."""
    import PIL.Image

    with warnings.catch_warnings():
        # Said of sizes that are refused in one line.
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        # Said of tags that are damaged, as cameras and editors leave them: the pixels are whole.
        warnings.simplefilter("ignore", UserWarning)
        yield


def is_grey(image: PIL.Image.Image) -> bool:
    """Whether the file has shades of grey only, by its header."""
    return image.mode in (*GREY, *WIDE_GREY, "F")


def orientation(image: PIL.Image.Image) -> int:
    """How a camera says that an image is to be turned, 1 (not at all) to 8."""
    # Of a PNG Pillow would decode every pixel to look for a tag behind them.
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        with _unwarned():
            tag = image.getexif().get(ORIENTATION, 1)
    except DAMAGED:
        return 1
    return tag if isinstance(tag, int) and 1 <= tag <= 8 else 1


def wide_bits(paths: Iterable[Path]) -> int:
    """Bits, 8 to 16, that hold the largest value of some grey images with more than 8: 12 of many microscopes."""
    largest = 0
    for path in paths:
        with open_image(path) as image:
            try:
                largest = max(largest, int(np.asarray(image).max()))
            except DAMAGED:  # Said of when it is read.
                continue
    return max(8, min(16, largest.bit_length()))


def _turned(image: PIL.Image.Image) -> PIL.Image.Image:
    import PIL.ImageOps

    return PIL.ImageOps.exif_transpose(image) if orientation(image) > 1 else image


def _on_white(image: PIL.Image.Image, path: Path, surplus: int) -> PIL.Image.Image:
    """The image with 8 bits per channel and nothing transparent."""
    import PIL.Image

    if image.mode == "F":
        raise DataError(f"{path}: pixels are floating-point numbers; save it with 8 or 16 bits per channel.")
    if image.mode in WIDE_GREY:
        # Pillow would make everything above 255 white.
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise DataError(f"{path}: pixels from {values.min()} to {values.max()}; save it with 8 or 16 bits.")
        return PIL.Image.fromarray((values >> surplus).clip(max=255).astype(np.uint8))
    if image.has_transparency_data:
        # The colour under what is transparent is arbitrary, often black: a black drawing would vanish.
        white = PIL.Image.new("RGBA", image.size, "white")
        return PIL.Image.alpha_composite(white, image.convert("RGBA"))
    return image
