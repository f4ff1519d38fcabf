"""Types of the public names through the lazy imports, for mypy to check (`make lint`); nothing here is run."""

from pathlib import Path
from typing import Any, assert_type

import kzoo
import kzoo.export
import kzoo.serving
import tuners


def types(model: Any) -> None:
    """Each line fails where a name is `Any` to a type checker."""
    data = kzoo.load_dataset("digits")
    assert_type(data, kzoo.Dataset)
    assert_type(data.task, kzoo.Task)
    assert_type(kzoo.list_datasets(), tuple[str, ...])
    assert_type(kzoo.list_models(), list[str])
    assert_type(kzoo.create_hypermodel("mlp", data.task), kzoo.ZooHyperModel)
    assert_type(kzoo.export_model(model, "saved_models/digits", examples=data.x_train), Path)
    assert_type(kzoo.check("saved_models/digits"), dict[Path, list[str]])
    assert_type(kzoo.ModelCard(), kzoo.ModelCard)
    assert_type(kzoo.__version__, str)
    assert_type(kzoo.export.list_versions("saved_models/digits"), list[int])
    with kzoo.serving.Client("digits") as client:
        assert_type(client, kzoo.serving.Client)
        assert_type(client.status(), list[kzoo.serving.VersionStatus])
    search = tuners.CoarseToFineSearch(kzoo.create_hypermodel("mlp", data.task), objective="val_accuracy")
    assert_type(search, tuners.CoarseToFineSearch)
    assert_type(tuners.CoarseToFineOracle("val_loss"), tuners.CoarseToFineOracle)
    assert_type(tuners.SuccessiveHalving(), tuners.SuccessiveHalving)
    assert_type(tuners.MedianStopping(), tuners.MedianStopping)
    assert_type(tuners.CurveStopping(), tuners.CurveStopping)
    study = tuners.Study.load("runs/digits-mlp")
    assert_type(study, tuners.Study)
    assert_type(study.best, tuple[tuners.TrialRecord, ...])
    assert_type(tuners.search_in_processes(search, [], workers=2), None)
    assert_type(tuners.__version__, str)
