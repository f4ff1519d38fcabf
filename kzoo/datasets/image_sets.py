"""The well-known image sets: from a directory, from Debian's package, or downloaded."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kzoo.datasets.cifar import read_cifar
from kzoo.datasets.dataset import DataError
from kzoo.datasets.idx import read_idx
from kzoo.datasets.npz import read_npz
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
        class_names: Names of the classes, unless the files name them.
        licence: Terms, where known.
        origin: Who collected the data.
        first_labels: Labels of the first ten training images, to tell sets with files of the same names apart.
        npz: Name of a `.npz` that may stand in for the IDX files, or "".
        places: Directories where a package of the system puts the files.
        archive: Name of the `.tar.gz` for CIFAR, or "".
        checksum: MD5 of that archive.
        label_bytes: Bytes of labels before each image of CIFAR.
    """

    folder: str
    class_names: tuple[str, ...]
    licence: str
    origin: str
    first_labels: tuple[int, ...] = ()
    npz: str = ""
    places: tuple[str, ...] = ()
    archive: str = ""
    checksum: str = ""
    label_bytes: int = 0


IMAGE_SETS = {
    "mnist": ImageSet(
        "mnist",
        DIGITS,
        "CC BY-SA 3.0",
        "Y. LeCun, C. Cortes and C. J. C. Burges, MNIST",
        first_labels=(5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
        npz="mnist.npz",
    ),
    "fashion_mnist": ImageSet(
        "fashion-mnist",
        FASHION,
        "MIT",
        "H. Xiao, K. Rasul and R. Vollgraf (2017), Fashion-MNIST",
        first_labels=(9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
        places=("/usr/share/datasets/fashion-mnist",),
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
    class_names, train, test = _read_cifar(name, images) if images.archive else _read_idx(name, images)
    for part, rows in (("training", train), ("test", test)):
        if len(rows.x) != len(rows.y) or not len(rows.y) or rows.y.max() >= len(class_names):
            largest = f" up to {rows.y.max()}" if len(rows.y) else ""
            raise DataError(f"{name}: the {part} files hold {len(rows.x)} images and {len(rows.y)} labels{largest}.")
    return RawData(
        name,
        name,
        train,
        test=test,
        kind="classification",
        class_names=class_names,
        licence=images.licence,
        origin=images.origin,
    )


Found = tuple[tuple[str, ...], Part, Part]


def _read_idx(name: str, images: ImageSet) -> Found:
    for directory in _directories(images):
        found = _idx_in(directory) or _npz_in(directory, images)
        if found:
            _check_identity(name, found[0].y, directory)
            return images.class_names, *found
    wanted = ", ".join(f"{file}[.gz]" for file in IDX_FILES) + (f" or {images.npz}" if images.npz else "")
    with _downloading(name, wanted):
        import keras

        train, test = getattr(keras.datasets, name).load_data()
    return images.class_names, Part(train[0][..., None], train[1]), Part(test[0][..., None], test[1])


def _idx_in(directory: Path) -> tuple[Part, Part] | None:
    paths = [_existing(directory, file) for file in IDX_FILES]
    if not any(paths):
        return None
    if not all(paths):
        raise DataError(f"{directory}: {IDX_FILES[paths.index(None)]}[.gz] is missing beside the others.")
    x_train, y_train, x_test, y_test = (read_idx(path) for path in paths if path)
    return Part(x_train[..., None], y_train), Part(x_test[..., None], y_test)


def _existing(directory: Path, file: str) -> Path | None:
    found = [path for path in (directory / f"{file}.gz", directory / file) if path.exists()]
    return found[0] if found else None


def _npz_in(directory: Path, images: ImageSet) -> tuple[Part, Part] | None:
    path = directory / images.npz
    if not images.npz or not path.exists():
        return None
    raw = read_npz(path)
    if raw.test is None:
        raise DataError(f"{path}: x_test and y_test are missing.")
    return raw.train, raw.test


def _check_identity(name: str, labels: NDArray[Any], directory: Path) -> None:
    # MNIST and its kin have files of the same names: one set would be taken for the other and nothing seem wrong.
    for other, images in IMAGE_SETS.items():
        if other != name and images.first_labels and tuple(labels[:10].tolist()) == images.first_labels:
            raise DataError(
                f"{directory}: these are the files of {other}, not of {name}; give each set a sub-folder of its own "
                f"({IMAGE_SETS[name].folder}, {images.folder}) in {VARIABLE}."
            )


def _read_cifar(name: str, images: ImageSet) -> Found:
    path = next((path for path in _archives(images) if path.exists()), None)
    if path is None:
        with _downloading(name, images.archive):
            import keras

            # The binary version: the one that keras.datasets downloads is pickled.
            url = f"https://www.cs.toronto.edu/~kriz/{images.archive}"
            path = Path(keras.utils.get_file(images.archive, url, file_hash=images.checksum, hash_algorithm="md5"))
    cifar = read_cifar(path, images.label_bytes)
    named = len(cifar.class_names) == len(images.class_names)
    return cifar.class_names if named else images.class_names, cifar.train, cifar.test


def _archives(images: ImageSet) -> list[Path]:
    return [each for root in _roots() for each in (root / images.archive, root / images.folder)]


def _directories(images: ImageSet) -> list[Path]:
    own = [each for root in _roots() for each in (root / images.folder, root)]
    return [*own, *map(Path, images.places)]


def _roots() -> list[Path]:
    named = os.environ.get(VARIABLE)
    if named and not Path(named).is_dir():
        raise DataError(f"{VARIABLE} is {named!r}, which is not a directory.")
    return [Path(named)] if named else []


@contextlib.contextmanager
def _downloading(name: str, files: str) -> Iterator[None]:
    """Turns the failure of a download into one line that says what else would do."""
    try:
        # Keras writes its progress to the standard output, which belongs to the results of a command.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except Exception as error:  # Keras raises a bare Exception when a download fails.
        named = os.environ.get(VARIABLE)
        raise DataError(
            f"{name} could not be downloaded ({' '.join(str(error).split())[:120]}). Put {files} into a directory and "
            f"name it in the environment variable {VARIABLE}"
            + (f" (now {named}, where they are not)." if named else ".")
        ) from None
