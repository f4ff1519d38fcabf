"""Labels that a row has or has not, from the data to the answers of an export."""

import numpy as np
import pytest

import kzoo
import tuners
from kzoo.export import Runner
from kzoo.export.errors import ExportError


def test_each_label_is_answered_for_itself(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    data = kzoo.load_dataset((x, (x[:, :3] > 0.3).astype(int)))
    tuner = tuners.CoarseToFineSearch(
        kzoo.create_hypermodel("mlp", data.task, fixed={"layers": 1, "learning_rate": 0.02, "batch_size": 32}),
        objective=data.task.objective,
        max_trials=1,
        seed=1,
        directory=str(tmp_path),
        project_name="search",
    )
    tuner.search(data.x_train, data.y_train, validation_data=(data.x_val, data.y_val), epochs=8, verbose=0)
    assert tuners.Study.load(tmp_path / "search").trials[0].engines == ("numpy",)
    model = tuner.get_best_models()[0]
    path = kzoo.export_model(model, tmp_path / "labels", task=data.task, examples=data.x_train[:8])
    with Runner(path) as runner:
        answer = runner.run("serving_default", {"inputs": data.x_test})
        assert sorted(runner.signatures) == ["classify", "numeric", "serving_default"]
    assert list(answer) == ["probabilities"]
    np.testing.assert_allclose(answer["probabilities"], model.predict(data.x_test, verbose=0), atol=1e-6)
    assert ((answer["probabilities"] > 0.5) == data.y_test).mean() > 0.8
    with pytest.raises(ExportError, match="no probabilities"):
        kzoo.export_model(model, tmp_path / "one", class_names=["a", "b", "c"], examples=data.x_train[:8])
