"""The well-known image sets: from a directory, from Debian's package, or downloaded."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kzoo.datasets.dataset import DataError
from kzoo.datasets.idx import read_cifar, read_idx
from kzoo.datasets.raw import Part, RawData

VARIABLE = "KZOO_DATA"
"""Environment variable that names a directory with the files of these sets."""

IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS = tuple("0123456789")


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Where the files of an image set are and what they are under.

    Attributes:
        folder: Sub-folder of the directory, beside the directory itself, that files are looked for in.
        class_names: Names of the classes, or () where only numbers are known.
        licence: Terms, where known.
        origin: Who collected the data.
        places: Directories where a package of the system puts the files.
        archive: Name of the `.tar.gz` for CIFAR, or "".
        checksum: MD5 of that archive.
        label_bytes: Bytes of labels before each image of CIFAR.
    """

    folder: str
    class_names: tuple[str, ...]
    licence: str
    origin: str
    places: tuple[str, ...] = ()
    archive: str = ""
    checksum: str = ""
    label_bytes: int = 0


IMAGE_SETS = {
    "mnist": ImageSet("mnist", DIGITS, "CC BY-SA 3.0", "Y. LeCun, C. Cortes and C. J. C. Burges, MNIST"),
    "fashion_mnist": ImageSet(
        "fashion-mnist",
        FASHION,
        "MIT",
        "H. Xiao, K. Rasul and R. Vollgraf (2017), Fashion-MNIST",
        ("/usr/share/datasets/fashion-mnist",),
    ),
    "cifar10": ImageSet(
        "cifar-10-batches-bin",
        CIFAR10,
        "none stated",
        "A. Krizhevsky (2009), CIFAR-10",
        archive="cifar-10-binary.tar.gz",
        checksum="c32a1d4ab5d03f1284b67883e8d87530",
        label_bytes=1,
    ),
    "cifar100": ImageSet(
        "cifar-100-binary",
        tuple(map(str, range(100))),
        "none stated",
        "A. Krizhevsky (2009), CIFAR-100",
        archive="cifar-100-binary.tar.gz",
        checksum="03b5dce01913d631647c71ecec9e9cb8",
        label_bytes=2,
    ),
}


def read_image_set(name: str) -> RawData:
    """Reads one of `IMAGE_SETS`, downloading it where its files are found nowhere.

    Args:
        name: Its name.

    Returns:
        Images as uint8 [rows, height, width, channels], training and test rows apart.

    Raises:
        DataError: The files are not whole, or are nowhere and cannot be downloaded.
    """
    images = IMAGE_SETS[name]
    parts = _read_cifar(name, images) if images.archive else _read_idx(name, images)
    classes = len(images.class_names)
    for part, (x, y) in parts.items():
        if len(x) != len(y) or y.max(initial=0) >= classes:
            raise DataError(f"{name}: the {part} files hold {len(x)} images and {len(y)} labels up to {y.max()}.")
    train, test = (Part(x if x.ndim == 4 else x[..., None], y) for x, y in (parts["train"], parts["test"]))
    return RawData(
        name,
        name,
        train,
        test=test,
        kind="classification",
        class_names=images.class_names,
        licence=images.licence,
        origin=images.origin,
    )


Arrays = dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]


def _read_idx(name: str, images: ImageSet) -> Arrays:
    for directory in _directories(images):
        files = [_existing(directory, file) for file in IDX_FILES]
        if all(files):
            arrays = [read_idx(file) for file in files if file]
            return {"train": (arrays[0], arrays[1]), "test": (arrays[2], arrays[3])}
    with _downloading(name, images, ", ".join(f"{file}[.gz]" for file in IDX_FILES)):
        import keras

        train, test = getattr(keras.datasets, name).load_data()
    return {"train": train, "test": test}


def _read_cifar(name: str, images: ImageSet) -> Arrays:
    for directory in _directories(images):
        for path in (directory / images.archive, directory if directory.name == images.folder else directory / "_"):
            if path.exists():
                return read_cifar(path, images.label_bytes)
    with _downloading(name, images, images.archive):
        import keras

        # The binary version: the one that keras.datasets downloads is pickled.
        path = keras.utils.get_file(
            images.archive, f"https://www.cs.toronto.edu/~kriz/{images.archive}", md5_hash=images.checksum
        )
    return read_cifar(Path(path), images.label_bytes)


def _directories(images: ImageSet) -> list[Path]:
    named = os.environ.get(VARIABLE)
    own = [Path(named) / images.folder, Path(named)] if named else []
    return [*own, *map(Path, images.places)]


def _existing(directory: Path, file: str) -> Path | None:
    found = [path for path in (directory / f"{file}.gz", directory / file) if path.exists()]
    return found[0] if found else None


class _downloading:
    """Turns the failure of a download into one line that says what else would do."""

    def __init__(self, name: str, images: ImageSet, files: str) -> None:
        self.name, self.images, self.files = name, images, files

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            named = os.environ.get(VARIABLE)
            raise DataError(
                f"{self.name} could not be downloaded ({' '.join(str(error).split())[:120]}). Put {self.files} into a "
                f"directory and name it in the environment variable {VARIABLE}"
                + (f" (now {named}, where they are not)." if named else ".")
            ) from None
