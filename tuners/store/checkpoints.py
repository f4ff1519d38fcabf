"""Weights of the best trials on disk: one file per trial, without optimizer slots, complete or absent."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuners.store.files import write_file
from tuners.store.records import TRIAL_ID

FILE = "weights.npz"
BUILD = "build"


class CheckpointError(ValueError):
    """Weights that are not there or do not fit; the message says why."""


def checkpoint_path(directory: str | os.PathLike[str], trial_id: str) -> Path:
    """Where the weights of a trial are kept.

    Raises:
        CheckpointError: The id has characters that no id has, and that could lead out of the directory.
    """
    if not TRIAL_ID.fullmatch(trial_id):
        raise CheckpointError(f"trial_id is {trial_id[:80]!r}; expected letters, digits, _ and -.")
    return Path(directory, f"trial_{trial_id}", FILE)


def save_weights(
    directory: str | os.PathLike[str], trial_id: str, weights: Sequence[NDArray[Any]], build_config: Any = None
) -> None:
    """Keep the weights of a trial.

    Args:
        directory: Directory of the search.
        trial_id: Id of the trial.
        weights: As `keras.Model.get_weights` gives them.
        build_config: What `keras.Model.get_build_config` gives, for models that are built by their first batch.

    Raises:
        OSError: They cannot be written; nothing is left of them then.
    """
    path = checkpoint_path(directory, trial_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # numpy would write bfloat16 and its like as bytes of no type; float32 holds each of them exactly.
    typed = (value.astype("float32") if value.dtype.kind == "V" else value for value in weights)
    arrays = {f"{index:05d}": value for index, value in enumerate(typed)}
    arrays[BUILD] = np.array(json.dumps(build_config))
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    write_file(path, content.getbuffer())


def load_weights(directory: str | os.PathLike[str], trial_id: str, model: Any) -> None:
    """Put the weights of a trial into a model of the same structure.

    Args:
        directory: Directory of the search.
        trial_id: Id of the trial.
        model: A Keras model as the hypermodel builds it for the trial.

    Raises:
        CheckpointError: The weights are not kept, cannot be read, or are of another structure.
    """
    path = checkpoint_path(directory, trial_id)
    try:
        # From memory: numpy leaves a file open that it cannot read.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            config = json.loads(str(arrays[BUILD]))
            weights = [arrays[name] for name in sorted(arrays.files) if name != BUILD]
        if not model.built and config:
            model.build_from_config(config)
    except FileNotFoundError:
        kept = ", ".join(kept_trials(directory)) or "none"
        raise CheckpointError(
            f"The weights of trial {trial_id} are not kept, only those of the best trials ({kept}); search with a "
            "larger keep_checkpoints to keep more."
        ) from None
    except Exception as error:  # whatever zip, numpy or Keras make of it, the file is what is wrong
        raise CheckpointError(f"{path}: not readable as weights ({error}).") from None
    shapes, expected = [each.shape for each in weights], [tuple(each.shape) for each in model.weights]
    if shapes != expected or not all(each.dtype.kind in "biuf" for each in weights):
        raise CheckpointError(
            f"{path} does not fit the model that the hypermodel builds for trial {trial_id}: has the hypermodel "
            "changed since the search?"
        )
    model.set_weights(weights)


def kept_trials(directory: str | os.PathLike[str]) -> list[str]:
    """Ids of the trials whose weights are there, sorted."""
    return sorted(path.parent.name.removeprefix("trial_") for path in Path(directory).glob(f"trial_*/{FILE}"))


def keep_only(directory: str | os.PathLike[str], trial_ids: Iterable[str]) -> None:
    """Remove the weights of all other trials."""
    for trial_id in set(kept_trials(directory)) - set(trial_ids):
        shutil.rmtree(checkpoint_path(directory, trial_id).parent, ignore_errors=True)
