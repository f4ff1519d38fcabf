"""Data sets: by name, from a `.npz`, a `.csv` or a folder of images, split and described for a model builder."""

from kzoo.datasets.dataset import DataError, Dataset
from kzoo.datasets.loading import load_dataset
from kzoo.datasets.named import list_datasets

__all__ = ["DataError", "Dataset", "list_datasets", "load_dataset"]
